"""Potentials as users have them, in r or on cells, solved with a statement of error: what `bornnet solve` and
`bornnet.solve` do. May import: files, physics and below.
"""
