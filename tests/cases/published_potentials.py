"""Potentials of the literature that are no named shapes, as functions of arrays of r."""

import numpy as np


def hfd(r, depth, minimum, A, alpha, beta, C6, C8, C10, D, bump=0.0, first=1.0, last=2.0):
    """Of R. A. Aziz et al.: Hartree-Fock repulsion, damped dispersion, and the bump of LM2M2; K, angstrom."""
    x = r / minimum
    damping = np.where(x < D, np.exp(-((D / x - 1) ** 2)), 1.0)
    V = A * np.exp(-alpha * x + beta * x**2) - (C6 / x**6 + C8 / x**8 + C10 / x**10) * damping
    phase = 2 * np.pi * (x - first) / (last - first) - np.pi / 2
    return depth * (V + np.where((x > first) & (x < last), bump * (np.sin(phase) + 1), 0.0))


def hfdhe2(r):
    """J. Chem. Phys. 70, 4330 (1979)."""
    return hfd(r, 10.8, 2.9673, 544850.4, 13.353384, 0.0, 1.3732412, 0.4253785, 0.178100, 1.241314)


def lm2m2(r):
    """J. Chem. Phys. 94, 8047 (1991)."""
    well = (10.97, 2.9695, 189635.353, 10.70203539, -1.90740649, 1.34687065, 0.41308398, 0.17060159, 1.4088)
    return hfd(r, *well, bump=0.0026, first=1.003535949, last=1.454790369)


def reid_1s0(r):
    """Soft core, in MeV and fm: Ann. Phys. (N.Y.) 50, 411 (1968)."""
    x = 0.7 * r
    return (-10.463 * np.exp(-x) - 1650.6 * np.exp(-4 * x) + 6484.2 * np.exp(-7 * x)) / x


def minnesota_triplet(r):
    """In MeV and fm: Nucl. Phys. A 286, 53 (1977)."""
    return 200 * np.exp(-1.487 * r**2) - 178 * np.exp(-0.639 * r**2)


def minnesota_singlet(r):
    return 200 * np.exp(-1.487 * r**2) - 91.85 * np.exp(-0.465 * r**2)


FUNCTIONS = {
    "hfdhe2": hfdhe2,
    "lm2m2": lm2m2,
    "reid-1s0": reid_1s0,
    "minnesota-triplet": minnesota_triplet,
    "minnesota-singlet": minnesota_singlet,
}
