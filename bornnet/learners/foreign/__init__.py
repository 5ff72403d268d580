"""Networks that were trained elsewhere: what weights a file holds, what network they make, and its proof.

Nothing in a file is run: of a pickle, tensors and plain containers alone are read (`weights_only`).
"""
