"""Study files: many settings and seeds of one command, run side by side, with their results. May import:
comparison and below.
"""
