"""Stumpff functions: what sine and cosine become when k^2 may have either sign.

    c_k(x) = sum_j (-x)^j / (2j + k)!,    c_0 = cos sqrt(x),    c_1 = sin sqrt(x) / sqrt(x)

They are entire in x, so attractive (x > 0), free (x = 0) and repulsive (x < 0) cells are one case;
`c_k = 1/k! - x c_{k+2}` and `dc_k/dx = (k c_{k+2} - c_{k+1}) / 2` lead from one to the next.
See K. Stumpff, Himmelsmechanik I (1959).
"""

from ..compute.compiled import njit

SHALLOW = 4.0
"""For |x| <= SHALLOW the Taylor polynomials below are exact to rounding: what is left out is < 1e-17."""

kernel = njit(nogil=True, cache=True, fastmath={"contract"}, error_model="numpy")
"""How the loops over potentials are compiled: fused multiply-adds, nothing reordered, and NaN stays NaN."""

compiled = njit(nogil=True, fastmath={"contract"}, error_model="numpy")
"""The same for what they are made of, which is compiled into them and not kept apart."""


@compiled
def c2(x):
    return 1 / 2 - x * (1 / 24 - x * c6(x))


@compiled
def c3(x):
    return 1 / 6 - x * (1 / 120 - x * c7(x))


@compiled
def c6(x):
    return 1 / 720 - x * (
        1 / 40320 - x * (
        1 / 3628800 - x * (
        1 / 479001600 - x * (
        1 / 87178291200 - x * (
        1 / 20922789888000 - x * (
        1 / 6402373705728000 - x * (
        1 / 2432902008176640000 - x * (
        1 / 1124000727777607680000))))))))  # fmt: skip


@compiled
def c7(x):
    return 1 / 5040 - x * (
        1 / 362880 - x * (
        1 / 39916800 - x * (
        1 / 6227020800 - x * (
        1 / 1307674368000 - x * (
        1 / 355687428096000 - x * (
        1 / 121645100408832000 - x * (
        1 / 51090942171709440000 - x * (
        1 / 25852016738884976640000))))))))  # fmt: skip
