"""All partial derivatives of a network, to any order, by meeting in the middle.

In Taylor convention: ``u_p`` is the order-p part of a layer's pre-activation as a polynomial in the
displacement, ``c_k`` the activation's Taylor coefficients, and ``a_q`` the order-q part of the adjoint
df/dy of the layer. Every tree diagram of order n has exactly one vertex whose branches towards the leaves
carry at most h = n // 2 leaves each, while more than h meet there: follow the heavy branch down from the
output. Summing over that vertex,

    f_n = sum over layers, neurons, q <= n-h-1 of  a_q [ sum_(k>=2) c_k (u_1 + .. + u_h)^k ]_(n-q),

so nothing of an order above n/2 is ever pushed through the network: u goes forward to order h, a comes
backward to order n-h-1. Each product of factors is cut into a left part of order h and a right part, and one
matrix product over neurons and kinds of left part sums everything:

    f_2 = u1 . a0 c2 u1
    f_3 = u1^2 . (a0 c3 u1 + a1 c2)
    f_4 = u1^2 . (a0 c4 u1^2 + a1 c3 u1) + u2 . (3 a0 c3 u1^2 + 2 a1 c2 u1 + a0 c2 u2)

and so on by machine: ``middle_terms`` lists them for any order. Orders 1 and 2 have a pass of their own in
``hessian``. The cost at order n is that of the last product: about ``inputs^n / n!`` entries, each a sum over
the neurons of all layers and over the kinds of left part.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..compute.memory import fits, require_memory
from ..errors import InputError
from .assembly import symmetrised_product, symmetrised_squares
from .expansion import Expansion, as_double_array, check_order, expand
from .hessian import gradients, hessians
from .layers import Layers, read_layers
from .packed import multiplicity_factorials, multiply, packed_size, scatter_product, unpack
from .partitions import Partition, arrangements, middle_terms, partitions


def derivative_tensor(model: nn.Module, order: int, at: Any = None, packed: bool = False) -> Tensor:
    """All partial derivatives of that order.

    Args:
        model: an ``MLP`` or a ``torch.nn.Sequential`` of Linear and supported activations.
        order: 1 or more.
        at: the point ``(inputs,)``, by default 0, or a batch of points ``(batch, inputs)``.
        packed: one entry per multiset of indices instead of the dense symmetric tensor.

    Returns:
        float64, without autograd history: ``(inputs,) * order``, or ``(C(inputs+order-1, order),)`` in
        the order of ``itertools.combinations_with_replacement`` if packed. In front of it stand an axis
        ``outputs`` where the network has several, and before that an axis ``batch`` where ``at`` is a
        batch.

    Raises ``InputError`` for a bad order, a wrong shape of ``at``, a module that is not supported, and a
    result that would not fit in memory. Warns with ``DerivativeWarning`` where ReLU is expanded beyond
    order 1.
    """
    order = check_order(order, lowest=1)
    layers = read_layers(model, as_arrays=True)
    device = layers.device
    points = None if at is None else as_double_array(at, "at")
    if points is not None and (points.ndim not in (1, 2) or points.shape[-1] != layers.inputs):
        raise InputError(
            f"at must be ({layers.inputs},) or (batch, {layers.inputs}), got {tuple(points.shape)}"
        )
    batched = points is not None and points.ndim == 2
    singles = list(points) if points is not None and batched else [points]
    outputs = len(layers.weight)
    _check_memory(layers, order, packed, copies=outputs * len(singles))
    size = (packed_size(layers.inputs, order),) if packed else (layers.inputs,) * order
    result = np.empty((len(singles), outputs, *size)) if batched or outputs > 1 else None
    for row, single in enumerate(singles):
        for output, tensor in enumerate(_tensors(expand(layers, order, single), order, packed)):
            if result is None:
                return torch.from_numpy(tensor).to(device)
            result[row, output] = tensor
    assert result is not None
    result = result[:, 0] if layers.scalar else result
    return torch.from_numpy(result if batched else result[0]).to(device)


def _tensors(net: Expansion, order: int, packed: bool) -> Iterator[np.ndarray]:
    """Partial derivatives of every output in turn."""
    if order == 1:
        yield from gradients(net)
    elif not net.weights:
        for _ in net.readout:
            yield np.zeros(packed_size(net.inputs, order) if packed else (net.inputs,) * order)
    elif order == 2:
        yield from hessians(net, packed)
    else:
        flow = _forward(net, order)
        for readout in net.readout:
            yield _tensor(flow, readout, net.inputs, order, packed)


class _LayerFlow:
    """A hidden layer: activation coefficients ``c``, the parts ``u[p]`` that reach it, and their products."""

    def __init__(self, weight: np.ndarray, c: np.ndarray, u: dict[int, np.ndarray], inputs: int) -> None:
        self.weight, self.c, self.u, self.inputs = weight, c, u, inputs
        self._products: dict[Partition, np.ndarray] = {}

    def product(self, partition: Partition) -> np.ndarray:
        """``prod u[p]`` over the partition."""
        if len(partition) == 1:
            return self.u[partition[0]]
        if partition not in self._products:
            first, rest = partition[0], partition[1:]
            degrees = (first, sum(rest))
            self._products[partition] = multiply(self.u[first], self.product(rest), self.inputs, degrees)
        return self._products[partition]

    def present(self, partition: Partition) -> bool:
        return all(part in self.u for part in partition)

    def output_part(self, p: int) -> np.ndarray | None:
        """Order p of the layer's output ``s(z)``: Faà di Bruno."""
        total = None
        for partition in filter(self.present, partitions(p, p)):
            term = self.product(partition) * (arrangements(partition) * self.c[len(partition)])
            total = term if total is None else total + term
        return total

    def slope_part(self, m: int) -> np.ndarray | None:
        """Order m >= 1 of the layer's slope ``s'(z)``."""
        total = None
        for partition in filter(self.present, partitions(m, m)):
            k = len(partition) + 1
            term = self.product(partition) * (arrangements(partition) * k * self.c[k])
            total = term if total is None else total + term
        return total


def _forward(net: Expansion, order: int) -> list[_LayerFlow]:
    """Push u to order h = order // 2 through the hidden layers."""
    flow: list[_LayerFlow] = []
    for weight, c in zip(net.weights, net.coefficients, strict=True):
        if not flow:
            u = {1: np.ascontiguousarray(weight.T)}
        else:
            parts = {p: flow[-1].output_part(p) for p in range(1, order // 2 + 1)}
            u = {p: part @ weight.T for p, part in parts.items() if part is not None}
        flow.append(_LayerFlow(weight, c, u, net.inputs))
    return flow


def _backward(flow: list[_LayerFlow], readout: np.ndarray, highest: int) -> list[dict[int, np.ndarray]]:
    """Pull the adjoint's orders 0..highest from the output to every hidden layer."""
    adjoints: list[dict[int, np.ndarray]] = [{0: readout}]
    for layer in reversed(flow[1:]):
        above = adjoints[0]
        below: dict[int, np.ndarray] = {}
        for q in range(highest + 1):
            parts = [above[q] * layer.c[1]] if q in above else []
            for m in range(1, q + 1):
                slope = layer.slope_part(m) if q - m in above else None
                if slope is not None:
                    a = above[q - m]
                    parts.append(slope * a if q == m else multiply(a, slope, layer.inputs, (q - m, m)))
            if parts:
                below[q] = sum(parts[1:], parts[0]) @ layer.weight
        adjoints.insert(0, below)
    return adjoints


def _tensor(flow: list[_LayerFlow], readout: np.ndarray, inputs: int, order: int, packed: bool) -> np.ndarray:
    """Partial derivatives of one output, of order 3 or more."""
    adjoints = _backward(flow, readout, order - order // 2 - 1)
    if order == 3:
        squares = [
            (layer.u[1], right)
            for layer, adjoint in zip(flow, adjoints, strict=True)
            for right in _layer_factors(layer, adjoint, order).values()
        ]
        return symmetrised_squares(squares, inputs, packed)
    factors = _factors(flow, adjoints, order)
    if order <= 5:
        (pieces,) = factors.values()
        return symmetrised_product(pieces, inputs, order, packed)
    polynomial = np.zeros(packed_size(inputs, order))
    for degree, pieces in factors.items():
        for left, right in pieces:
            scatter_product(left, right, inputs, (degree, order - degree), polynomial)
    polynomial *= multiplicity_factorials(inputs, order)
    return polynomial if packed else unpack(polynomial, inputs, order)


def _factors(
    flow: list[_LayerFlow], adjoints: list[dict[int, np.ndarray]], order: int
) -> dict[int, list[tuple[np.ndarray, np.ndarray]]]:
    """Left and right factors of the middle terms, a column per neuron, by the left one's order."""
    factors: dict[int, list[tuple[np.ndarray, np.ndarray]]] = {}
    for layer, adjoint in zip(flow, adjoints, strict=True):
        for left, right in _layer_factors(layer, adjoint, order).items():
            factors.setdefault(sum(left), []).append((layer.product(left), right))
    return factors


def _layer_factors(
    layer: _LayerFlow, adjoint: dict[int, np.ndarray], order: int
) -> dict[Partition, np.ndarray]:
    """For each left part that the layer has, the sum of what multiplies it."""
    rights: dict[Partition, np.ndarray] = {}
    for term in middle_terms(order):
        if term.q not in adjoint or not layer.present(term.left + term.right):
            continue
        scale = term.count * layer.c[term.k]
        a = adjoint[term.q]
        if term.q == 0:
            value = layer.product(term.right) * (scale * a)
        elif not term.right:
            value = a * scale
        else:
            value = multiply(layer.product(term.right), a, layer.inputs, (sum(term.right), term.q)) * scale
        rights[term.left] = rights[term.left] + value if term.left in rights else value
    return rights


def _check_memory(layers: Layers, order: int, packed: bool, copies: int) -> None:
    neurons = sum(len(layer.weight) for layer in layers.hidden)
    need = _memory_estimate(layers.inputs, neurons, order, packed, copies)
    if fits(need):
        return
    advice = "taylor_terms gives this order along any number of directions in little memory"
    packed_need = _memory_estimate(layers.inputs, neurons, order, True, copies)
    if not packed and fits(packed_need):
        advice = f"packed=True takes {packed_need / 1e9:.3g} GB; {advice}"
    require_memory(
        need,
        f"the {'packed' if packed else 'dense'} derivative of order {order} in {layers.inputs} inputs",
        advice,
    )


@cache
def _memory_estimate(inputs: int, neurons: int, order: int, packed: bool, copies: int) -> float:
    """Bytes: the result, one packed copy, and the factors of the middle product with their temporaries."""
    size = packed_size(inputs, order)
    result = copies * (size if packed else inputs**order) + size
    if order == 1:
        return 8.0 * result
    lefts = {term.left for term in middle_terms(order)}
    factors = sum(packed_size(inputs, sum(left)) + packed_size(inputs, order - sum(left)) for left in lefts)
    return 8.0 * (result + 2 * neurons * factors)
