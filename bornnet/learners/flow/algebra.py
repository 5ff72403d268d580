"""Polynomials in a few variables, cut off at a degree: the numbers that a flow's Taylor series is made with.

A polynomial is a tensor ``(.., monomials)``, monomials being sorted by degree. Products are one matrix product
over the pairs of monomials that stay within the degree, so that autograd and ``torch.func`` pass through.
"""

from dataclasses import dataclass
from functools import cache, cached_property
from itertools import combinations_with_replacement

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Algebra:
    """All polynomials in ``variables`` variables through ``degree``."""

    variables: int
    degree: int

    @cached_property
    def exponents(self) -> tuple[tuple[int, ...], ...]:
        """Of every monomial: the constant first, then the variables themselves, if there are any."""
        return tuple(
            tuple(chosen.count(v) for v in range(self.variables))
            for degree in range(self.degree + 1)
            for chosen in combinations_with_replacement(range(self.variables), degree)
        )

    @cached_property
    def rank(self) -> dict[tuple[int, ...], int]:
        """The place of every monomial."""
        return {exponent: place for place, exponent in enumerate(self.exponents)}

    @cached_property
    def _pairs(self) -> tuple[Tensor, Tensor, Tensor]:
        pairs = [
            (i, j, self.rank[total])
            for i, a in enumerate(self.exponents)
            for j, b in enumerate(self.exponents)
            if sum(total := tuple(x + y for x, y in zip(a, b, strict=True))) <= self.degree
        ]
        left, right, place = np.array(pairs).T
        gather = torch.zeros(len(pairs), len(self.exponents), dtype=torch.float64)
        gather[torch.arange(len(pairs)), torch.from_numpy(place)] = 1.0
        return torch.from_numpy(left), torch.from_numpy(right), gather

    def product(self, a: Tensor, b: Tensor) -> Tensor:
        """``a b`` through the degree."""
        left, right, gather = self._pairs
        return (a[..., left] * b[..., right]) @ gather

    def constant(self, value: Tensor) -> Tensor:
        """The constant polynomial of every number."""
        zeros = torch.zeros_like(value)[..., None].expand(*value.shape, len(self.exponents) - 1)
        return torch.cat([value[..., None], zeros], dim=-1)

    def variable(self, which: int) -> Tensor:
        """``(monomials,)``: the polynomial that is one of the variables; zero at degree 0."""
        unit = torch.zeros(len(self.exponents), dtype=torch.float64)
        if self.degree:
            unit[1 + which] = 1.0
        return unit

    def composed(self, coefficients: Tensor, z: Tensor) -> Tensor:
        """``sum_k c_k z^k`` for coefficients ``(degree + 1, ..)`` and polynomials z ``(.., monomials)`` that
        vanish at the origin."""
        total = self.constant(coefficients[-1])
        for c in reversed(coefficients[:-1].unbind(0)):
            total = self.product(total, z) + self.constant(c)
        return total


@cache
def algebra(variables: int, degree: int) -> Algebra:
    """The algebra, made once."""
    return Algebra(variables, degree)
