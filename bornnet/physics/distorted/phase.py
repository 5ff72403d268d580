"""The variable-phase equation around a reference U0: its target y of displacements dU that are cut off at r.

    dy/dr = dU s (psi(r) + s y chi(r))^2,   y(0) = 0,   target(U0 + dU) = target(U0) + y(1)

with s = -1 for a0 and 1 for 1/a0. psi and chi are waves of the reference with psi' chi - psi chi' = 1 (see
`waves`): psi is regular at r = 0, and chi(1) = 1, chi'(1) = 0 for a0, chi'(1) = 1 for 1/a0. It
follows by variation of parameters from u = A psi + B chi and y = s B / A, as Calogero's equation does from
psi = r, chi = 1 at U0 = 0. y is infinite where A = 0, at a pole of the target.

The momentum conjugate to y is (A(r)/A(1))^2 with A = u' chi - u chi', and its product with the rate over dU
the derivative of the target by U(r), s (u(r)/A(1))^2. Lengths are in units of the range.
"""

import numpy as np

from .waves import Target, as_reference


class DistortedPhase:
    """The exact law around a reference ``(cells,)``, in double precision."""

    def __init__(self, reference: np.ndarray, target: Target) -> None:
        self.reference = as_reference(reference, len(reference))
        self.sign = -1.0 if target == "scattering_length" else 1.0
        self._slope = 0.0 if target == "scattering_length" else 1.0  # of chi at r = 1
        self._psi = _carried(self.reference[None], 0.0, 1.0)[:, 0]
        inwards = _carried(self.reference[None, ::-1], 1.0, -self._slope)[:, 0]
        self._chi = inwards[:, ::-1] * np.array([[1.0], [-1.0]])
        self._psi = self._psi / self._denominator(*self._psi[:, -1])

    def waves(self, r: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """psi and chi at ``r``, between 0 and 1."""
        cells = len(self.reference)
        cell = np.clip(np.ceil(np.asarray(r) * cells).astype(int) - 1, 0, cells - 1)
        c, s, _ = _matrix(self.reference[cell], r - cell / cells)
        psi, chi = (c * wave[0, cell] + s * wave[1, cell] for wave in (self._psi, self._chi))
        return psi, chi

    def rate(self, y: np.ndarray, r: np.ndarray) -> np.ndarray:
        """``dy/dr`` over dU."""
        psi, chi = self.waves(r)
        return self.sign * (psi + self.sign * y * chi) ** 2

    def rate_coefficient(self, power: int, r: np.ndarray) -> np.ndarray:
        """The coefficient of ``y**power`` in the rate, at every r."""
        psi, chi = self.waves(r)
        exact = {0: self.sign * psi**2, 1: 2 * psi * chi, 2: self.sign * chi**2}
        return exact.get(power, np.zeros_like(psi))

    def momentum_and_response(self, displacements: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """``(A(r)/A(1))^2`` and ``s (u(r)/A(1))^2`` behind every cell, each ``(N, cells)``."""
        u, v = _carried(self.reference + displacements, 0.0, 1.0)[..., 1:]
        amplitude = v * self._chi[0, 1:] - u * self._chi[1, 1:]
        end = self._denominator(u[:, -1:], v[:, -1:])
        return (amplitude / end) ** 2, self.sign * (u / end) ** 2

    def _denominator(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """A at r = 1, where u(1) and u'(1) are these."""
        return v - self._slope * u


def _carried(potentials: np.ndarray, u: float, v: float) -> np.ndarray:
    """A wave and its slope at all edges, ``(2, N, cells + 1)``, from what they are at r = 0."""
    rows, cells = potentials.shape
    wave = np.empty((2, rows, cells + 1))
    wave[0, :, 0], wave[1, :, 0] = u, v
    for i in range(cells):
        c, s, minus_ks = _matrix(potentials[:, i], np.full(rows, 1 / cells))
        wave[0, :, i + 1] = c * wave[0, :, i] + s * wave[1, :, i]
        wave[1, :, i + 1] = minus_ks * wave[0, :, i] + c * wave[1, :, i]
    return wave


def _matrix(depth: np.ndarray, width: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """cos kh, sin(kh)/k and -k sin kh, k^2 the depth, of either sign."""
    angle = np.sqrt(depth.astype(complex)) * width
    s = width * np.sinc(angle / np.pi).real
    return np.cos(angle).real, s, -depth * s
