"""Training runs on the disk: what a run learns from, its rounds and members, its directory, its rivals, how
it is resumed, and what it would take. May import: series and below.
"""
