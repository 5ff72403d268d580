"""The combinatorics of composed power series: which products of lower orders make an order."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from math import factorial, prod

Partition = tuple[int, ...]  # orders of the factors, largest first


@cache
def partitions(total: int, largest: int) -> tuple[Partition, ...]:
    """All ways to write ``total`` as a sum of parts from 1 to ``largest``, largest part first."""
    if total == 0:
        return ((),)
    return tuple(
        (part, *rest) for part in range(min(total, largest), 0, -1) for rest in partitions(total - part, part)
    )


def arrangements(partition: Partition) -> int:
    """How often the product appears in ``(u_1 + u_2 + ..)^k``: the distinct orders of its k factors."""
    return factorial(len(partition)) // prod(factorial(count) for count in Counter(partition).values())


@dataclass(frozen=True)
class MiddleTerm:
    """``count * c_k * a_q * (product of u over left) * (product of u over right)``, k factors u in all."""

    left: Partition
    right: Partition
    q: int
    count: int

    @property
    def k(self) -> int:
        return len(self.left) + len(self.right)


@cache
def middle_terms(order: int) -> tuple[MiddleTerm, ...]:
    """The terms of the order-n derivative at the vertex in the middle (see ``derivatives``).

    Factors u have orders up to ``h = n // 2``, the adjoint order q is below ``n - h``. The left part's
    order is as near to h as its factors allow, and h itself up to order 5; but order 3 puts pairs on the
    left, which spares the right part its products.
    """
    half = order // 2
    target = 2 if order == 3 else half
    terms = []
    for q in range(order - half):
        for partition in partitions(order - q, half):
            left = min(_parts(partition), key=lambda part: (abs(sum(part) - target), [-p for p in part]))
            right = tuple((Counter(partition) - Counter(left)).elements())
            if right or q:
                terms.append(MiddleTerm(left, right, q, arrangements(partition)))
    return tuple(terms)


def _parts(partition: Partition) -> Iterator[Partition]:
    for size in range(1, len(partition) + 1):
        yield from combinations(partition, size)
