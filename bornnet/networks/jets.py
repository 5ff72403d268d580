"""Directional Taylor terms of a network: jets pushed through its layers.

Along ``at + t x`` every pre-activation is a polynomial in t. The base point is shared by the whole batch, so
the activation's Taylor coefficients ``c_k`` are one row per layer, and a layer is the composition

    y(t) = c_0 + u (c_1 + u (c_2 + ..)),   u = z(t) - z(0),

in truncated polynomial arithmetic, followed by one matrix product for all orders at once. The
cost is linear in the number of displacements: per sample order x (weights) + order^3/6 x (neurons)
multiplications.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import Tensor, nn

from ..compute.compiled import njit
from .expansion import Expansion, check_order, displacement_rows, expand
from .layers import read_layers

BLOCK_VALUES = 64_000  # doubles of one jet block: two of them stay in a core's second-level cache
_TILE_VALUES = 384  # neurons composed at once: their polynomials stay in the first-level cache


def taylor_terms(model: nn.Module, displacements: Any, order: int, at: Any = None) -> Any:
    """Taylor terms of a network along many displacements from one base point.

    Args:
        model: an ``MLP`` or a ``torch.nn.Sequential`` of Linear and supported activations.
        displacements: ``(batch, inputs)``, any number of them.
        order: highest order, 0 or more.
        at: base point ``(inputs,)``, by default 0.

    Returns:
        ``(order + 1, batch)``: row n is ``D^n f(at)[x, .., x] / n!``, so the rows sum to ``f(at + x)`` in
        the limit; ``(order + 1, batch, outputs)`` where the network has several outputs. numpy in gives
        numpy out. A torch tensor gives a torch tensor, and with gradients enabled autograd flows to the
        displacements, the base point and the weights, at the price of memory for every intermediate term.
        Under ``torch.no_grad()`` and for numpy the displacements pass in blocks, with memory bounded
        whatever their number is, on ``torch.get_num_threads()`` threads.

    Raises ``InputError`` for a bad order or shape, or a module that is not supported.
    """
    order = check_order(order, lowest=0)
    is_tensor = isinstance(displacements, Tensor)
    with torch.set_grad_enabled(is_tensor and torch.is_grad_enabled()):
        sources = (displacements, at, *model.parameters())
        tracked = torch.is_grad_enabled() and any(getattr(t, "requires_grad", False) for t in sources)
        traced = tracked or any(parameter.device.type != "cpu" for parameter in model.parameters())
        layers = read_layers(model, as_arrays=not traced)
        net = expand(layers, order, at)
        x = displacement_rows(displacements, layers)
        if traced:
            terms = _traced_terms(net, x, order)
        else:
            terms = torch.from_numpy(_blocked_terms(net, x.numpy(force=True), order))
        if layers.scalar:
            terms = terms.squeeze(-1)
    return terms if is_tensor else terms.cpu().numpy()


def _traced_terms(net: Expansion, x: Tensor, order: int) -> Tensor:
    """The recursion in torch operations, for autograd and other devices: ``(order + 1, batch, outputs)``."""
    jet = [x]  # orders 1, 2, .. of the layer's input; absent orders are zero
    for weight, c in zip(net.weights, net.coefficients, strict=True):
        u = [term @ weight.T for term in jet]
        jet = composed(u, c, order)
    terms = [net.value.expand(len(x), -1), *(term @ net.readout.T for term in jet[:order])]
    absent = [torch.zeros_like(terms[0])] * (order + 1 - len(terms))
    return torch.stack(terms + absent)


def composed(u: list[Tensor], c: Tensor, order: int) -> list[Tensor]:
    """Orders 1..order of ``sum_k c_k u(t)^k``."""
    if len(u) == 1:
        power, orders = u[0], []
        for k in range(1, order + 1):
            orders.append(c[k] * power)
            power = power * u[0]
        return orders
    inner = [c[order]]
    for k in range(order - 1, -1, -1):
        inner = [c[k], *(_product_term(u, inner, m) for m in range(1, len(inner) + 1))]
    return inner[1:]


def _product_term(u: list[Tensor], inner: list[Tensor], m: int) -> Tensor:
    total = u[0] * inner[m - 1]
    for i in range(2, m + 1):
        total = total + u[i - 1] * inner[m - i]
    return total


def _blocked_terms(net: Expansion, x: np.ndarray, order: int) -> np.ndarray:
    """The same recursion block by block in compiled code: ``(order + 1, batch, outputs)``."""
    readout = net.readout
    terms = np.empty((order + 1, len(x), len(readout)))
    terms[0] = net.value
    if order == 0:
        return terms
    if not net.weights:
        terms[1:] = 0.0
        terms[1] = x @ readout.T
        return terms
    weights = [np.ascontiguousarray(weight.T) for weight in net.weights]
    tiled = [_tiled(c) for c in net.coefficients]
    widest = max(c.shape[1] for c in net.coefficients)
    rows = max(1, BLOCK_VALUES // (order * widest))

    def fill(start: int) -> None:
        block = x[start : start + rows]
        y = np.empty((order, len(block), weights[0].shape[1]))
        _compose_linear(block @ weights[0], tiled[0], y)
        for weight, c in zip(weights[1:], tiled[1:], strict=True):
            z = (y.reshape(-1, len(weight)) @ weight).reshape(order, len(block), -1)
            y = np.empty_like(z)
            _compose(z, c, y)
        terms[1:, start : start + rows] = y @ readout.T

    starts = range(0, len(x), rows)
    threads = min(torch.get_num_threads(), len(starts))
    if threads <= 1:
        for start in starts:
            fill(start)
    else:
        with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(threads) as pool:
            list(pool.map(fill, starts))
    return terms


def _tiled(c: np.ndarray) -> np.ndarray:
    """Coefficients repeated for as many samples as are composed at once."""
    return np.tile(c, max(1, _TILE_VALUES // c.shape[1]))


@njit(cache=True, nogil=True, fastmath={"contract"})
def _compose_linear(u, c, y):
    """``y[k-1] = c_k u^k`` for a first layer, whose pre-activation has order 1 only."""
    order, rows, width = y.shape
    for r in range(rows):
        for j in range(width):
            power = 1.0
            for k in range(order):
                power *= u[r, j]
                y[k, r, j] = c[k + 1, j] * power


@njit(cache=True, nogil=True, fastmath={"contract"})
def _compose(z, c, y):
    """``y = sum_k c_k z(t)^k`` truncated, with ``z, y (order, rows, width)`` holding orders 1..order.

    Horner in the square ``w = z^2``: ``(c_0 + c_1 z) + w ((c_2 + c_3 z) + w (..))``, tile by tile.
    """
    order = z.shape[0]
    flat = z.reshape((order, -1))
    out = y.reshape((order, -1))
    tile = c.shape[1]
    u = np.zeros((order + 1, tile))
    w = np.zeros((order + 1, tile))
    inner = np.zeros((order + 1, tile))
    for start in range(0, flat.shape[1], tile):
        stop = min(start + tile, flat.shape[1])
        size = stop - start
        for m in range(1, order + 1):
            u[m, :size] = flat[m - 1, start:stop]
        for m in range(2, order + 1):
            _square_term(u, m, w[m])
        k = order - order % 2
        inner[0] = c[k]
        if order % 2:
            _scale(c[order], u[1], inner[1])
        while k > 0:
            k -= 2
            for m in range(order - k, 1, -1):  # downwards: lower orders are still those of the last step
                _scale(c[k + 1], u[m], inner[m])
                _accumulate(w, inner, m, 2, m, inner[m])
            _scale(c[k + 1], u[1], inner[1])
            inner[0] = c[k]
        for m in range(1, order + 1):
            out[m - 1, start:stop] = inner[m, :size]


@njit(cache=True, nogil=True, fastmath={"contract"})
def _scale(factor, term, target):
    for j in range(target.size):
        target[j] = factor[j] * term[j]


@njit(cache=True, nogil=True, fastmath={"contract"})
def _square_term(u, m, target):
    """Order m of ``u^2``, each cross term once and doubled."""
    target[:] = 0.0
    _accumulate(u, u, m, 1, (m - 1) // 2, target)
    middle = u[m // 2]
    weight = 1.0 if m % 2 == 0 else 0.0
    for j in range(target.size):
        target[j] = 2.0 * target[j] + weight * middle[j] * middle[j]


@njit(cache=True, nogil=True, fastmath={"contract"})
def _accumulate(a, b, total, first, last, target):
    """``target += sum of a_i b_(total-i)``, i = first..last, two terms a pass to spare loads and stores."""
    i = first
    if (last - first) % 2 == 0:
        a0, b0 = a[i], b[total - i]
        for j in range(target.size):
            target[j] += a0[j] * b0[j]
        i += 1
    while i < last:
        a0, b0, a1, b1 = a[i], b[total - i], a[i + 1], b[total - i - 1]
        for j in range(target.size):
            target[j] += a0[j] * b0[j] + a1[j] * b1[j]
        i += 2
