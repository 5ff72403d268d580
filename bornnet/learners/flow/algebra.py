"""Polynomials in a few variables, cut off at a degree: the numbers that a flow's Taylor series is made with.

A polynomial is a tensor ``(.., monomials)``, monomials being sorted by degree. Products are one matrix
product over the pairs of monomials that stay within the degree, so that autograd and ``torch.func`` pass
through.
"""

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Algebra:
    """All polynomials through ``degree`` in variables that count so much of it each."""

    weights: tuple[int, ...]
    degree: int

    @cached_property
    def exponents(self) -> tuple[tuple[int, ...], ...]:
        """Of every monomial: the constant first, then by degree."""
        found: list[tuple[int, ...]] = [()]
        for weight in self.weights:
            found = [(*e, n) for e in found for n in range((self.degree - self.degree_of(e)) // weight + 1)]
        return tuple(sorted(found, key=lambda e: (self.degree_of(e), sum(e), [-n for n in e])))

    def degree_of(self, exponent: tuple[int, ...]) -> int:
        """The degree of a monomial, in some or all of the variables."""
        return sum(n * weight for n, weight in zip(exponent, self.weights, strict=False))

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
            if self.degree_of(total := tuple(x + y for x, y in zip(a, b, strict=True))) <= self.degree
        ]
        left, right, place = np.array(pairs).T
        gather = torch.zeros(len(pairs), len(self.exponents), dtype=torch.float64)
        gather[torch.arange(len(pairs)), torch.from_numpy(place)] = 1.0
        return torch.from_numpy(left), torch.from_numpy(right), gather

    def product(self, a: Tensor, b: Tensor) -> Tensor:
        """``a b`` through the degree."""
        left, right, gather = self._pairs
        pairs = a[..., left] * b[..., right]
        return pairs @ gather.to(pairs.dtype)

    def constant(self, value: Tensor) -> Tensor:
        """The constant polynomial of every number."""
        zeros = torch.zeros_like(value)[..., None].expand(*value.shape, len(self.exponents) - 1)
        return torch.cat([value[..., None], zeros], dim=-1)

    def variable(self, which: int) -> Tensor:
        """``(monomials,)``: the polynomial that is a variable; zero if that is beyond the degree."""
        unit = torch.zeros(len(self.exponents), dtype=torch.float64)
        place = self.rank.get(tuple(int(v == which) for v in range(len(self.weights))))
        if place is not None:
            unit[place] = 1.0
        return unit

    def composed(self, coefficients: Tensor, z: Tensor) -> Tensor:
        """``sum_k c_k z^k`` for coefficients ``(degree + 1, ..)`` and polynomials z ``(.., monomials)`` that
        vanish at the origin."""
        total = self.constant(coefficients[-1])
        for c in reversed(coefficients[:-1].unbind(0)):
            total = self.product(total, z) + self.constant(c)
        return total

    def substituted(self, polynomial: Tensor, values: Tensor) -> Tensor:
        """A polynomial ``(monomials,)`` in the first variables, of values ``(variables, monomials)`` that
        vanish at the origin: again a polynomial."""
        powers = {(0,) * len(self.weights): self.constant(values.new_ones(()))}
        total = torch.zeros_like(polynomial)
        for place, exponent in enumerate(self.exponents):
            if any(exponent[len(values) :]):
                continue
            if exponent not in powers:
                first = next(v for v, n in enumerate(exponent) if n)
                lower = tuple(n - (v == first) for v, n in enumerate(exponent))
                powers[exponent] = self.product(powers[lower], values[first])
            total = total + polynomial[place] * powers[exponent]
        return total


@cache
def algebra(variables: int, degree: int) -> Algebra:
    """That of variables which count 1 each, made once."""
    return Algebra((1,) * variables, degree)
