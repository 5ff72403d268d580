"""Zero-energy S-wave scattering: transfer matrices on cells, Born terms and kernels, Weinberg's eigenvalue,
bound states and effective range, families of potentials, discretization, units. It knows no learners and no
files of theirs. May import: config (names), compute.
"""
