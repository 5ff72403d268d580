"""How a learned series and a run are shown: a line, and in a notebook a table of what the rounds reached."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np


def counted(number: int, noun: str) -> str:
    """``1 round``, ``2 rounds``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def rounds_table(caption: str, fits: Sequence[Sequence[Mapping[str, Any]]]) -> str:
    """HTML of what each round of each member reached: rows, and the typical held-out error over the members.

    ``fits`` are the facts of every member's rounds (`series.member.reached`); a paragraph where there are
    none.
    """
    rounds = min((len(member) for member in fits), default=0)
    if not rounds:
        return f"<p>{escape(caption)}</p>"
    rows = []
    for facts in list(zip(*fits, strict=False))[:rounds]:
        errors = ", ".join(f"{entry['held_out_typical']:.1e}" for entry in facts[:_MEMBERS])
        errors += ", .." if len(facts) > _MEMBERS else ""
        fitted = int(np.mean([entry["training_rows"] for entry in facts]))
        rows.append(f"<tr><td>{facts[0]['round']}</td><td>{fitted:,}</td><td>{errors}</td></tr>")
    head = "<tr><th>round</th><th>rows fitted</th><th>typical held-out error, by member</th></tr>"
    return f"<table><caption>{escape(caption)}</caption>{head}{''.join(rows)}</table>"


_MEMBERS = 5  # shown side by side
