"""Gradients and Hessians, the two orders where a call costs as much as the arithmetic.

With a row per neuron, ``u_l`` the Jacobian of the pre-activations of layer l, ``c_k`` its Taylor coefficients
and ``a_l`` the adjoint df/dy_l,

    u_(l+1) = W_(l+1) (c_1 u_l),    a_l = (a_(l+1) c_1) W_(l+1),    D^2 f = sum_l u_l^T (2 a_l c_2 u_l),

the sum being one product over the neurons of all layers.
"""

import numpy as np
from numba import njit

from .expansion import Expansion
from .packed import pack

_STRIP = 32  # columns: small enough to leave out most of the lower triangle, and for BLAS's small kernels


def gradients(net: Expansion) -> list[np.ndarray]:
    """``(inputs,)`` for every output."""
    found = []
    for readout in net.readout:
        a = readout.copy()
        for weight, c in zip(reversed(net.weights), reversed(net.coefficients), strict=True):
            a = (a * c[1]) @ weight
        found.append(a)
    return found


def hessians(net: Expansion, packed: bool) -> list[np.ndarray]:
    """``(inputs, inputs)`` for every output, or one entry per pair of inputs if packed."""
    weights, coefficients = net.weights, net.coefficients
    u = np.empty((sum(map(len, weights)), net.inputs))
    below = u[: len(weights[0])]
    below[:] = weights[0]
    end = len(below)
    for weight, c in zip(weights[1:], coefficients, strict=False):
        start, end = end, end + len(weight)
        below = np.dot(weight, _scaled(below, c[1]), out=u[start:end])
    found = []
    for a in net.readout:
        curvature = []
        for weight, c in zip(reversed(weights), reversed(coefficients), strict=True):
            curvature.append(2 * a * c[2])
            a = (a * c[1]) @ weight
        hessian = _symmetric_product(u, _scaled(u, np.concatenate(curvature[::-1])))
        found.append(pack(hessian) if packed else hessian)
    return found


def _symmetric_product(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """``left.T @ right`` where that is symmetric: strips of the upper triangle, and their mirror image."""
    size = left.shape[1]
    product = np.empty((size, size))
    for start in range(0, size, _STRIP):
        strip = slice(start, start + _STRIP)
        np.matmul(left[:, strip].T, right[:, start:], out=product[strip, start:])
    _mirror(product)
    return product


@njit(cache=True, nogil=True)
def _scaled(rows, factors):
    """``factors[:, None] * rows``; numpy's broadcasting takes thrice as long."""
    scaled = np.empty_like(rows)
    for r in range(rows.shape[0]):
        for j in range(rows.shape[1]):
            scaled[r, j] = factors[r] * rows[r, j]
    return scaled


@njit(cache=True, nogil=True)
def _mirror(matrix):
    """Copy what stands above the diagonal to below it."""
    for r in range(matrix.shape[0]):
        for c in range(r):
            matrix[r, c] = matrix[c, r]
