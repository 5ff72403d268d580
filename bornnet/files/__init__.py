"""Files whatever is in them: written whole or not at all, arrays and checkpoints with checksums and without
pickle, tables of potentials as people write them. May import: errors.
"""
