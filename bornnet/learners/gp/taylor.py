"""Power series in two variables, one per training row, and the functions that kernels are made of.

A kernel is written once, in terms of `exp_tail`, `power` and `arcsin` and of sums and products. Given
arrays it is a matrix; given a `Series` it is the Taylor series of every row.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np


class Series:
    """``sum c[p, q] s^p t^q`` with p + q at most `order`; ``c`` is ``(order + 1, order + 1, rows)``."""

    __array_ufunc__ = None  # numpy leaves products with a Series to the Series

    def __init__(self, coefficients: np.ndarray) -> None:
        self.c = coefficients
        self.order = len(coefficients) - 1

    @classmethod
    def variable(cls, value: np.ndarray, which: tuple[int, int], order: int) -> "Series":
        """``value + s`` for `which` (1, 0), ``value + t`` for (0, 1)."""
        c = np.zeros((order + 1, order + 1, len(value)))
        c[0, 0] = value
        if order:
            c[which] = 1.0
        return cls(c)

    def __add__(self, other: Any) -> "Series":
        if isinstance(other, Series):
            return Series(self.c + other.c)
        c = self.c.copy()
        c[0, 0] += other
        return Series(c)

    def __mul__(self, other: Any) -> "Series":
        if not isinstance(other, Series):
            return Series(self.c * other)
        product = np.zeros_like(self.c)
        for p in range(self.order + 1):
            for q in range(self.order + 1 - p):
                for r in range(self.order + 1 - p - q):
                    reach = self.order + 1 - p - q - r
                    product[p + r, q : q + reach] += self.c[p, q] * other.c[r, :reach]
        return Series(product)

    __radd__ = __add__
    __rmul__ = __mul__

    def __neg__(self) -> "Series":
        return self * -1.0

    def __sub__(self, other: Any) -> "Series":
        return self + (-other)

    def __rsub__(self, other: Any) -> "Series":
        return -self + other

    def composed(self, outer: Sequence[np.ndarray]) -> "Series":
        """The series of a function whose Taylor coefficients at the constant term are ``outer``."""
        change = Series(self.c.copy())
        change.c[0, 0] = 0.0
        result = Series(np.zeros_like(self.c)) + outer[self.order]
        for k in range(self.order - 1, -1, -1):
            result = result * change + outer[k]
        return result


def exp_tail(z: Any, start: int) -> Any:
    """``sum_{m >= start} z^m / m!``, without cancellation where z is small."""
    if isinstance(z, Series):
        at = z.c[0, 0]
        return z.composed([exp_tail(at, max(start - k, 0)) / math.factorial(k) for k in range(z.order + 1)])
    if start == 0:
        return np.exp(z)
    if start == 1:
        return np.expm1(z)
    far = np.exp(z) - sum(z**m / math.factorial(m) for m in range(start))
    near = np.clip(z, -1.0, 1.0)
    tail = np.zeros_like(near)
    for m in range(start + 18, start - 1, -1):  # Horner; 1/19! is below rounding
        tail = tail * near + 1 / math.factorial(m)
    return np.where(np.abs(z) < 1.0, tail * near**start, far)


def power(z: Any, exponent: float) -> Any:
    """``z ** exponent`` of a positive z."""
    if not isinstance(z, Series):
        return z**exponent
    at, outer, binomial = z.c[0, 0], [], 1.0
    for k in range(z.order + 1):
        outer.append(binomial * at ** (exponent - k))
        binomial *= (exponent - k) / (k + 1)
    return z.composed(outer)


def arcsin(z: Any) -> Any:
    """The inverse sine, by integration of ``(1 - z^2)^(-1/2)``."""
    if not isinstance(z, Series):
        return np.arcsin(z)
    at = z.c[0, 0]
    slope = Series.variable(at, (0, 1), z.order)
    slope = power(1.0 - slope * slope, -0.5)
    return z.composed([np.arcsin(at)] + [slope.c[0, k] / (k + 1) for k in range(z.order)])
