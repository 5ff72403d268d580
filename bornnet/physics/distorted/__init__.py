"""Perturbation theory around a reference potential U0: its waves, the series of a0 and 1/a0 there (the
distorted-wave Born series), how far that reaches, the law along r, and references and deviations by name.
"""
