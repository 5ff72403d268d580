r"""A network's derivatives as a sum of diagrams.

For ``z_l = W_l y_(l-1) + b_l``, ``y_l = s(z_l)``, ``f = w . y_L`` the order-n derivative ``D^n f`` is the
sum of all rooted trees with n legs (the inputs) whose inner vertices join two or more branches. The
rules, read from the legs to the root, everything at the base point:

1. A leg that ends in layer l is ``G_l = W_l s'(z_(l-1)) W_(l-1) .. s'(z_1) W_1``.
2. A vertex that joins k >= 2 branches in layer l is ``s^(k)(z_l)``, neuron by neuron.
3. A line from a vertex in layer l to one in layer m > l is the propagator
   ``W_m s'(z_(m-1)) .. s'(z_(l+1)) W_(l+1)``.
4. The line from the root's vertex in layer l to the output is ``w s'(z_L) W_L .. s'(z_(l+1)) W_(l+1)``.
5. Put the vertices into layers in every way in which layers grow strictly towards the root, and sum.
6. Sum over the different ways to label the legs: n! over the tree's symmetry number.

Example by hand. One neuron a layer and ``s(z) = e^z - 1`` (ELU below 0), so that every derivative of s is
``e^z``:

    f = s(z_2),   z_2 = 2 s(z_1) + 1 - ln 4,   z_1 = 2 x - ln 2.

At x = 0 the vertices are ``s^(k)(z_1) = 1/2`` and ``s^(k)(z_2) = 1/4``, the legs ``G_1 = 2`` and
``G_2 = 2 (1/2) 2 = 2``, the propagator from layer 1 to layer 2 is 2, and the lines to the output are 1 from
layer 2 and ``(1/4) 2 = 1/2`` from layer 1. So, line to the output times vertex times branches,

    order 2, (xx)      layer 1: (1/2) (1/2) 2^2 = 1;  layer 2: 1 (1/4) 2^2 = 1               share  2
    order 3, (xxx)     layer 1: (1/2) (1/2) 2^3 = 2;  layer 2: 1 (1/4) 2^3 = 2               share  4
    order 3, (x(xx))   layers 2 and 1: 1 (1/4) 2 [2 (1/2) 2^2] = 2, with 3 labelings         share  6

and indeed ``f = e^(e^(2x) - 1) / 4 - 1`` has ``f'' = 2`` and ``f''' = 10``: ``2^n / 4`` times the Bell
numbers 2 and 5.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from math import factorial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..compute.memory import require_memory
from ..errors import InputError
from ..networks.expansion import Expansion, check_order, displacement_rows, expand
from ..networks.layers import read_layers
from ..networks.packed import multiplicity_factorials, packed_size, unpack
from .amplitudes import Amplitudes, Directions, Polynomials
from .trees import (
    PlacedTree,
    Tree,
    leg_count,
    placed_layers,
    placed_symmetry,
    placed_trees,
    symmetry,
    tree_shapes,
    vertex_degrees,
)

_ROWS = 8192  # displacements contracted at once


def diagrams(order: int) -> list["Diagram"]:
    """All diagrams of that order >= 1, fewest vertices first.

    Order 1 is the bare propagator from input to output. There are 1, 1, 2, 5, 12, 33, .. shapes with 1,
    1, 4, 26, 236, 2752, .. labelings in all (OEIS A000669 and A000311).
    """
    return [Diagram(tree) for tree in tree_shapes(check_order(order, lowest=1))]


class Amplitude(ABC):
    """What a diagram and a placement have in common: a value for every network."""

    @property
    @abstractmethod
    def order(self) -> int:
        """Number of legs, and the order of the derivative."""

    @property
    @abstractmethod
    def labelings(self) -> int:
        """In how many different ways the legs can be labelled."""

    @abstractmethod
    def _unlabelled(self, amplitudes: Amplitudes) -> np.ndarray:
        """Value with unlabelled legs, ``(rows, outputs)``."""

    def evaluate(self, model: nn.Module, at: Any = None, packed: bool = False) -> Tensor:
        """The share of ``derivative_tensor(model, order, at, packed)``: float64, the same shape, symmetric.

        Raises ``InputError`` as that function does, also where the result would not fit in memory.
        """
        layers = read_layers(model, as_arrays=True)
        net = expand(layers, self.order, at)
        check_memory(net, self.order, packed)
        values = self.labelings * self._unlabelled(Amplitudes(net, Polynomials(net.inputs)))
        tensors = [symmetric_tensor(column, net.inputs, self.order) for column in values.T]
        if not packed:
            tensors = [unpack(tensor, net.inputs, self.order) for tensor in tensors]
        return torch.from_numpy(tensors[0] if net.scalar else np.stack(tensors)).to(layers.device)

    def contract(self, model: nn.Module, displacements: Any, at: Any = None) -> Any:
        """The share of ``D^n f(at)[x, .., x]`` for any number of displacements ``(batch, inputs)``.

        ``(batch,)``, or ``(batch, outputs)`` where the network has several; numpy in gives numpy out. The
        shares of all diagrams of order n sum to ``n! taylor_terms(..)[n]``. Autograd does not flow.
        """
        layers = read_layers(model, as_arrays=True)
        net = expand(layers, self.order, at)
        x = displacement_rows(displacements, layers).numpy(force=True)
        values = np.empty((len(x), len(net.readout)))
        for start in range(0, len(x), _ROWS):
            amplitudes = Amplitudes(net, Directions(x[start : start + _ROWS]))
            values[start : start + _ROWS] = self.labelings * self._unlabelled(amplitudes)
        values = values[:, 0] if net.scalar else values
        if not isinstance(displacements, Tensor):
            return values
        return torch.from_numpy(values).to(layers.device)


@dataclass(frozen=True)
class Diagram(Amplitude):
    """A tree shape, summed over the placements of its vertices in layers and the labelings of its legs."""

    tree: Tree

    @property
    def order(self) -> int:
        return leg_count(self.tree)

    @cached_property
    def labelings(self) -> int:
        return factorial(self.order) // symmetry(self.tree)

    @cached_property
    def vertices(self) -> tuple[int, ...]:
        """How many branches each vertex joins, the root first; ``len`` of it is the number of vertices."""
        return vertex_degrees(self.tree)

    @property
    def notation(self) -> str:
        """The tree as nested brackets, a leg being x: ``(x(xx))``."""
        return _notation(self.tree)

    def placements(self, depth: int) -> list["Placement"]:
        """All ways to put the vertices into hidden layers 1..depth; their shares sum to the diagram's."""
        return [Placement(self, placed) for placed in placed_trees(self.tree, check_order(depth, lowest=0))]

    def _unlabelled(self, amplitudes: Amplitudes) -> np.ndarray:
        return amplitudes.total(self.tree)

    def __str__(self) -> str:
        return self.notation

    def __repr__(self) -> str:
        ways = self.labelings
        return f"Diagram({self.notation}, order {self.order}, {ways} labeling{'' if ways == 1 else 's'})"

    def _repr_svg_(self) -> str:
        from .drawing import svg_picture  # which draws what this module defines

        return svg_picture([self])


@dataclass(frozen=True)
class Placement(Amplitude):
    """A diagram with each vertex in a given hidden layer."""

    diagram: Diagram
    tree: PlacedTree

    @property
    def order(self) -> int:
        return self.diagram.order

    @cached_property
    def labelings(self) -> int:
        return factorial(self.order) // placed_symmetry(self.tree)

    @cached_property
    def layers(self) -> tuple[int, ...]:
        """The layer (1 is next to the input) of every vertex, in the order of ``diagram.vertices``."""
        return placed_layers(self.tree)

    def _unlabelled(self, amplitudes: Amplitudes) -> np.ndarray:
        if max(self.layers, default=0) > amplitudes.depth:
            raise InputError(
                f"layers {self.layers} do not exist in a network of {amplitudes.depth} hidden layers"
            )
        return amplitudes.placed(self.tree)


def symmetric_tensor(polynomial: np.ndarray, inputs: int, order: int) -> np.ndarray:
    """Packed entries of the symmetric tensor T with ``T[x, .., x]`` equal to the polynomial."""
    return polynomial * (multiplicity_factorials(inputs, order) / factorial(order))


def check_memory(net: Expansion, order: int, packed: bool) -> None:
    """``InputError`` where a diagram would not fit: the result and the branches one order below."""
    branch = packed_size(net.inputs, max(1, order - 1))
    neurons = sum(len(weight) for weight in net.weights)
    result = packed_size(net.inputs, order) + (0 if packed else net.inputs**order)
    require_memory(
        8.0 * (len(net.readout) * result + 2 * branch * neurons),
        f"a diagram of order {order} in {net.inputs} inputs",
        "contract gives its value along any number of directions in little memory",
    )


def _notation(tree: Tree) -> str:
    return "(" + "".join(_notation(branch) for branch in reversed(tree)) + ")" if tree else "x"
