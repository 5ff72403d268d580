"""How a study is set up: the names that can be chosen, the keys and their values, and the files they come
from.

``names`` and ``schema`` say what there is: a setting is declared once, and its flag, default and help text
are made from that. ``registry`` is the table of learners, each with settings of its own. ``load`` combines
preset, file and flags. Nothing here imports numpy or torch, so that help texts appear at once. May import:
errors, and the presets in ``bornnet.data``.
"""
