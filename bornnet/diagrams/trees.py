"""Rooted trees: the shapes of the diagrams, their symmetries, and the placements of their vertices in layers.

A tree is the tuple of its branches and a leg is the empty tuple: ``((), ((), ()))`` joins one leg with a
vertex that joins two. Branches are ordered with the largest first, so that equal shapes are equal tuples.
A placed tree carries the layer of its vertex in front: ``(2, ((), (1, ((), ()))))``.
"""

from collections import Counter
from functools import cache
from itertools import combinations_with_replacement, product
from math import factorial, prod

from ..networks.partitions import partitions

Tree = tuple  # of Trees
PlacedTree = tuple  # () or (layer, branches)
LEG: Tree = ()


@cache
def tree_shapes(legs: int) -> tuple[Tree, ...]:
    """All shapes with that many legs whose vertices join at least two branches; fewest vertices first."""
    if legs == 1:
        return (LEG,)
    shapes = []
    for sizes in partitions(legs, legs - 1):
        groups = [combinations_with_replacement(tree_shapes(size), n) for size, n in Counter(sizes).items()]
        shapes += [tuple(branch for group in choice for branch in group) for choice in product(*groups)]
    return tuple(sorted(shapes, key=lambda tree: (len(vertex_degrees(tree)), -len(tree))))


@cache
def leg_count(tree: Tree) -> int:
    return sum(leg_count(branch) for branch in tree) if tree else 1


def vertex_degrees(tree: Tree) -> tuple[int, ...]:
    """Branches that each vertex joins, the root first, then branch by branch."""
    if not tree:
        return ()
    return (len(tree), *(degree for branch in tree for degree in vertex_degrees(branch)))


@cache
def symmetry(tree: Tree) -> int:
    """How many permutations of the legs leave the tree as it is."""
    repeats = prod(factorial(count) for count in Counter(tree).values())
    return repeats * prod(symmetry(branch) for branch in tree)


def placed_trees(tree: Tree, depth: int) -> list[PlacedTree]:
    """All ways to put the vertices into layers 1..depth, growing to the root; equal branches unordered."""
    if not tree:
        return [LEG]
    placed: list[PlacedTree] = []
    for layer in range(1, depth + 1):
        groups = [
            combinations_with_replacement(placed_trees(branch, layer - 1), n)
            for branch, n in Counter(tree).items()
        ]
        placed += [
            (layer, tuple(branch for group in choice for branch in group)) for choice in product(*groups)
        ]
    return placed


def placed_layers(placed: PlacedTree) -> tuple[int, ...]:
    """The layer of every vertex, in the order of ``vertex_degrees``."""
    if not placed:
        return ()
    return (placed[0], *(layer for branch in placed[1] for layer in placed_layers(branch)))


def placed_symmetry(placed: PlacedTree) -> int:
    """Permutations of the legs that leave the placed tree as it is."""
    if not placed:
        return 1
    repeats = prod(factorial(count) for count in Counter(placed[1]).values())
    return repeats * prod(placed_symmetry(branch) for branch in placed[1])
