"""Rooted trees: the shapes of a flow's diagrams.

A tree is the tuple of its branches, and a vertex without branches the empty tuple; every vertex is one factor
of the potential. Branches stand with the largest first, so that equal shapes are equal tuples. There are 1,
1, 2, 4, 9, 20, .. of order 1, 2, 3, .. (OEIS A000081), and ``order!`` of them with labels that grow towards
the root.
"""

from collections import Counter
from functools import cache
from itertools import combinations_with_replacement, product
from math import factorial, prod

from ...networks.partitions import partitions

HIGHEST_VALUED = 5
"""Order of the 9 trees that are still valued in seconds."""

Tree = tuple  # of Trees


@cache
def rooted_trees(order: int) -> tuple[Tree, ...]:
    """All shapes with that many vertices; those whose vertices have fewest branches first."""
    shapes = []
    for sizes in partitions(order - 1, order - 1):
        groups = [combinations_with_replacement(rooted_trees(size), n) for size, n in Counter(sizes).items()]
        shapes += [tuple(branch for group in choice for branch in group) for choice in product(*groups)]
    return tuple(sorted(shapes, key=lambda tree: (sorted(branch_counts(tree), reverse=True), notation(tree))))


@cache
def vertex_count(tree: Tree) -> int:
    return 1 + sum(vertex_count(branch) for branch in tree)


def branch_counts(tree: Tree) -> tuple[int, ...]:
    """Branches of each vertex, the root first, then branch by branch."""
    return (len(tree), *(count for branch in tree for count in branch_counts(branch)))


def arrangements(tree: Tree) -> int:
    """In how many orders the root's branches can stand."""
    return factorial(len(tree)) // prod(factorial(count) for count in Counter(tree).values())


def notation(tree: Tree) -> str:
    """Nested brackets, a pair for each vertex with its branches inside, and a dot for one without."""
    return "[" + "".join(map(notation, tree)) + "]" if tree else "."
