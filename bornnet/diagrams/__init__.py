"""The Feynman-like diagrams of a network's Taylor coefficients: rules, trees, amplitudes, the share of each,
and their drawing. May import: networks.
"""
