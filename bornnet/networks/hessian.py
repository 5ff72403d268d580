"""Gradients and Hessians, the two orders where a call costs as much as the arithmetic.

With a row per neuron, ``u_l`` the Jacobian of the pre-activations of layer l, ``c_k`` its Taylor coefficients
and ``a_l`` the adjoint df/dy_l,

    u_(l+1) = W_(l+1) (c_1 u_l),    a_l = (a_(l+1) c_1) W_(l+1),    D^2 f = sum_l u_l^T (2 a_l c_2 u_l),

the sum being one product over the neurons of all layers. What runs over the layers is compiled, once for each
number of layers: in Python every small array operation would cost as much as the arithmetic in it.
"""

import numpy as np

from ..compute.compiled import njit
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
    weights = tuple(net.weights)
    slopes = tuple([c[1] for c in net.coefficients])
    bends = tuple([c[2] for c in net.coefficients])
    u = _jacobians(weights, slopes)
    found = []
    for readout in net.readout:
        hessian = _symmetric_product(u, _weighted(u, weights, slopes, bends, readout))
        found.append(pack(hessian) if packed else hessian)
    return found


@njit(cache=True, nogil=True)
def _jacobians(weights, slopes):
    """``u`` of all layers, one below the other: ``(neurons, inputs)``."""
    neurons = 0
    for weight in weights:
        neurons += len(weight)
    u = np.empty((neurons, weights[0].shape[1]))
    start, end = 0, len(weights[0])
    u[:end] = weights[0]
    for layer in range(1, len(weights)):
        below = np.empty((end - start, u.shape[1]))
        for r in range(end - start):
            for j in range(u.shape[1]):
                below[r, j] = slopes[layer - 1][r] * u[start + r, j]
        start, end = end, end + len(weights[layer])
        np.dot(weights[layer], below, u[start:end])
    return u


@njit(cache=True, nogil=True)
def _weighted(u, weights, slopes, bends, readout):
    """``2 a_l c_2 u_l`` of all layers."""
    weighted = np.empty_like(u)
    a = 2 * readout
    end = len(u)
    for layer in range(len(weights) - 1, -1, -1):
        start = end - len(weights[layer])
        for r in range(end - start):
            curvature = a[r] * bends[layer][r]
            for j in range(u.shape[1]):
                weighted[start + r, j] = curvature * u[start + r, j]
        if layer:
            a = np.dot(a * slopes[layer], weights[layer])
        end = start
    return weighted


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
def _mirror(matrix):
    """Copy what stands above the diagonal to below it."""
    for r in range(matrix.shape[0]):
        for c in range(r):
            matrix[r, c] = matrix[c, r]
