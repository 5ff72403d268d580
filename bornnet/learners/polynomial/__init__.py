"""Polynomials fitted by least squares."""
