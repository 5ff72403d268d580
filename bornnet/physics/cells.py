"""One cell: how the zero-energy radial function crosses it.

Lengths are in cells: cell i covers [i, i + 1], and x = U_i h^2 with h = 1 / cells, so u'' = -x u.
Three numbers are carried: u, its slope v = u', and d = r u' - u. At the edge of the potential a0 = h d / v.
The third is redundant in exact arithmetic and precious in floating point: since d' = -r U u, a shallow
potential builds d from small terms of one sign, and a0 keeps its relative accuracy as U goes to 0, where
1 - u/u' loses every digit.
"""

from math import cos, cosh, exp, sin, sinh, sqrt

from .stumpff import c2, c3, compiled

LARGE = 2.0**100
"""Above this a solution is scaled down by a power of two: only ratios of u, v and d matter."""

STEEP = 40.0
"""Repulsive cells with sqrt(-x) above this carry u exp(-sqrt(-x)) in place of u, which would overflow."""


@compiled
def cross_shallow(x, i, u, v, d):
    """u, v, d behind cell i, for |x| <= SHALLOW: all three change by x times integrals of u over the cell."""
    s2 = c2(x)
    s3 = c3(x)
    area = (1.0 - x * s3) * u + s2 * v  # integral of u
    lever = s2 * u + s3 * v  # integral of (i + 1 - r) u
    return u + v - x * lever, v - x * area, d - x * ((i + 1.0) * area - lever)


@compiled
def square_shallow(x, u, v):
    """The integral of u^2 over the cell, for |x| <= SHALLOW, from u and v at its left edge."""
    s2 = c2(x)
    s3 = c3(x)
    s1 = 1.0 - x * s3
    q = 0.5 * (s2 + s3 - x * s2 * s3)  # (1 - c_0 c_1) / 2x
    return u * u * (1.0 - x * q) + u * v * (s1 * s1) + v * v * q


@compiled
def matrix_deep(x):
    """c_0(x), c_1(x), and the factor left out of both (see STEEP)."""
    if x > 0.0:
        k = sqrt(x)
        return cos(k), sin(k) / k, 1.0
    k = sqrt(-x)
    if k <= STEEP:
        return cosh(k), sinh(k) / k, 1.0
    return 0.5, 0.5 / k, exp(-k)


@compiled
def cross_deep(x, i, u, v):
    """u, v, d behind cell i and the integral of u^2 over it, for |x| > SHALLOW.

    All of them are in the scale of a solution that was multiplied by the fifth result.
    """
    c, s, factor = matrix_deep(x)
    one = factor * factor
    square = 0.5 * (u * u * (one + s * c) + v * v * (one - s * c) / x) + u * v * s * s
    u, v = c * u + s * v, c * v - x * s * u
    d = (i + 1.0) * v - u
    while abs(u) + abs(v) > LARGE:
        u /= LARGE
        v /= LARGE
        d /= LARGE
        square /= LARGE * LARGE
        factor /= LARGE
    return u, v, d, square, factor
