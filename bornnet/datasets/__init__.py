"""Labelled potentials: drawn from families or the user's own, written, sharded, read and checked. May import:
physics, files, compute, config.
"""
