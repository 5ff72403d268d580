"""The value of every branch of a diagram in every layer, by dynamic programming over layers.

A branch is carried as a pre-activation, one column per neuron: ``Z_T`` in layer l sums all placements of
the tree T below that layer. A vertex in layer l makes ``V_T = s^(k)(z_l) prod Z_branch``, and lines carry
on both what came through the layer and what started in it: ``Z_T -> W (s'(z_l) Z_T + V_T)``. What the
rows are is left to the legs: directions of a batch, or the monomials of a polynomial.
"""

from functools import reduce
from math import factorial
from typing import Protocol

import numpy as np

from ..networks.expansion import Expansion
from ..networks.packed import multiply, packed_size, scatter_product
from .trees import LEG, PlacedTree, Tree, leg_count


class Legs(Protocol):
    """What the legs of a diagram stand for: how two branches of given orders are multiplied and summed."""

    inputs: np.ndarray  # (rows, inputs): order 1

    def rows(self, order: int) -> int: ...

    def multiply(self, a: np.ndarray, b: np.ndarray, orders: tuple[int, int]) -> np.ndarray: ...

    def close(self, a: np.ndarray, b: np.ndarray, orders: tuple[int, int], adjoint: np.ndarray) -> np.ndarray:
        """``sum over neurons of adjoint a b``: ``(rows, outputs)`` for ``adjoint (outputs, width)``."""
        ...


class Directions:
    """All legs carry the same displacement; a row per displacement ``(batch, inputs)``."""

    def __init__(self, displacements: np.ndarray) -> None:
        self.inputs = displacements

    def rows(self, order: int) -> int:
        return len(self.inputs)

    def multiply(self, a: np.ndarray, b: np.ndarray, orders: tuple[int, int]) -> np.ndarray:
        return a * b

    def close(self, a: np.ndarray, b: np.ndarray, orders: tuple[int, int], adjoint: np.ndarray) -> np.ndarray:
        return (a * b) @ adjoint.T


class Polynomials:
    """Free legs: a row per monomial of the displacement, packed."""

    def __init__(self, inputs: int) -> None:
        self.inputs = np.eye(inputs)

    def rows(self, order: int) -> int:
        return packed_size(len(self.inputs), order)

    def multiply(self, a: np.ndarray, b: np.ndarray, orders: tuple[int, int]) -> np.ndarray:
        return multiply(a, b, len(self.inputs), orders)

    def close(self, a: np.ndarray, b: np.ndarray, orders: tuple[int, int], adjoint: np.ndarray) -> np.ndarray:
        size = len(self.inputs)
        closed = np.zeros((len(adjoint), packed_size(size, sum(orders))))
        for output, weights in zip(closed, adjoint, strict=True):
            scatter_product(a, b * weights, size, orders, output)
        return closed.T


class Amplitudes:
    """Diagram values of one network at one base point, with common branches computed once."""

    def __init__(self, net: Expansion, legs: Legs) -> None:
        self.legs = legs
        self.weights = net.weights
        self.readout = net.readout
        self.derivatives = [
            c * np.array([factorial(k) for k in range(len(c))], dtype=float)[:, None]
            for c in net.coefficients
        ]
        self.adjoints = self._adjoints()
        self._branches: dict[Tree, list[np.ndarray | None]] = {}

    @property
    def depth(self) -> int:
        return len(self.weights)

    def by_layer(self, tree: Tree) -> list[np.ndarray | None]:
        """The diagram with its legs unlabelled, by the layer 1..depth of its root vertex.

        Each entry is ``(rows, outputs)``, or None where the root cannot be. The bare propagator, which
        has no vertex, is one entry by itself.
        """
        if tree == LEG:
            if not self.weights:
                return [self.legs.inputs @ self.readout.T]
            return [self._leg(0) @ (self.derivatives[0][1] * self.adjoints[0]).T]
        return [self._close(layer, *self._at_vertex(tree, layer)) for layer in range(self.depth)]

    def total(self, tree: Tree) -> np.ndarray:
        """The diagram with its legs unlabelled, summed over all placements: ``(rows, outputs)``."""
        total = np.zeros((self.legs.rows(leg_count(tree)), len(self.readout)))
        for share in self.by_layer(tree):
            if share is not None:
                total += share
        return total

    def placed(self, placed: PlacedTree) -> np.ndarray:
        """One placement of a diagram, its legs unlabelled: ``(rows, outputs)``."""
        if not placed:
            (value,) = self.by_layer(LEG)
            assert value is not None
            return value
        layer = placed[0] - 1
        values = [self._placed_branch(branch, layer) for branch in placed[1]]
        value = self._close(layer, values, [_placed_legs(branch) for branch in placed[1]])
        assert value is not None
        return value

    def _adjoints(self) -> list[np.ndarray]:
        """``df/dy`` of every hidden layer, ``(outputs, width)``."""
        adjoints = [self.readout]
        for weight, s in zip(self.weights[:0:-1], self.derivatives[:0:-1], strict=True):
            adjoints.insert(0, (adjoints[0] * s[1]) @ weight)
        return adjoints

    def _leg(self, layer: int) -> np.ndarray:
        leg = self._branch(LEG)[layer]
        assert leg is not None
        return leg

    def _branch(self, tree: Tree) -> list[np.ndarray | None]:
        """``Z_T`` in every layer."""
        if tree not in self._branches:
            values: list[np.ndarray | None] = [self.legs.inputs @ self.weights[0].T if tree == LEG else None]
            for layer in range(self.depth - 1):
                below = values[-1]
                out = None if below is None else below * self.derivatives[layer][1]
                if tree != LEG:
                    vertex = self._vertex(layer, *self._at_vertex(tree, layer))
                    if vertex is not None:
                        out = vertex if out is None else out + vertex
                values.append(None if out is None else out @ self.weights[layer + 1].T)
            self._branches[tree] = values
        return self._branches[tree]

    def _at_vertex(self, tree: Tree, layer: int) -> tuple[list[np.ndarray | None], list[int]]:
        """The branches that meet at a tree's root in that layer, and their orders."""
        return [self._branch(branch)[layer] for branch in tree], [leg_count(branch) for branch in tree]

    def _vertex(self, layer: int, branches: list, orders: list[int]) -> np.ndarray | None:
        if any(branch is None for branch in branches):
            return None
        value, _ = self._product(list(zip(branches, orders, strict=True)))
        return value * self.derivatives[layer][len(branches)]

    def _close(self, layer: int, branches: list, orders: list[int]) -> np.ndarray | None:
        """A root vertex joined to the output, without ever forming its product neuron by neuron."""
        if any(branch is None for branch in branches):
            return None
        rest, order = self._product(list(zip(branches[1:], orders[1:], strict=True)))
        adjoint = self.adjoints[layer] * self.derivatives[layer][len(branches)]
        return self.legs.close(branches[0], rest, (orders[0], order), adjoint)

    def _product(self, factors: list[tuple[np.ndarray, int]]) -> tuple[np.ndarray, int]:
        def join(a: tuple[np.ndarray, int], b: tuple[np.ndarray, int]) -> tuple[np.ndarray, int]:
            return self.legs.multiply(a[0], b[0], (a[1], b[1])), a[1] + b[1]

        return reduce(join, factors)

    def _placed_branch(self, branch: PlacedTree, layer: int) -> np.ndarray:
        """A placed branch carried up to the pre-activation of that layer."""
        if not branch:
            return self._leg(layer)
        start = branch[0] - 1
        values = [self._placed_branch(inner, start) for inner in branch[1]]
        value = self._vertex(start, values, [_placed_legs(inner) for inner in branch[1]])
        assert value is not None
        for step in range(start + 1, layer + 1):
            value = value @ self.weights[step].T
            if step < layer:
                value = value * self.derivatives[step][1]
        return value


def _placed_legs(placed: PlacedTree) -> int:
    return sum(_placed_legs(branch) for branch in placed[1]) if placed else 1
