"""A figure of one potential and its zero-energy wave function."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..files.atomic import new_file

if TYPE_CHECKING:
    from ..solving.picture import Picture


def save_potential_figure(
    path: str | Path, picture: "Picture", *, unit: str = "ranges", force: bool = False
) -> None:
    """Draw U(r) above u(r), with the straight line that u follows outside, and a0 where it ends.

    ``unit`` is that of the picture's lengths. The name's ending tells PNG, SVG or PDF; the same potential
    gives the same file.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    kind = Path(path).suffix.lower().lstrip(".")
    end = picture.r[-1]
    # Text stays text in SVG and PDF; no dates or random names in the file.
    style: Any = {"svg.fonttype": "none", "svg.hashsalt": "bornnet", "pdf.fonttype": 42}
    metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind)
    with matplotlib.rc_context(style):
        figure, (above, below) = pyplot.subplots(
            2, 1, sharex=True, figsize=(6, 5), height_ratios=(1, 1.3), layout="constrained"
        )
        above.stairs(picture.U, picture.edges, baseline=0.0, fill=True, color="C0", alpha=0.3)
        above.axhline(0.0, color="0.6", linewidth=0.6)
        above.set_ylabel(f"$U(r)$ in 1/({unit})$^2$")
        above.set_title("above zero: attractive", fontsize="small", loc="right", color="0.4")
        below.axhline(0.0, color="0.6", linewidth=0.6)
        below.plot(
            picture.r, picture.line, "--", color="0.5", linewidth=1.0, label="the line it follows outside"
        )
        below.plot(picture.r, picture.u, color="C1", label="$u(r)$ at zero energy")
        if 0.0 <= picture.a0 <= end:
            below.plot([picture.a0], [0.0], "o", color="0.2", markersize=4, label="$r = a_0$")
        below.set_xlim(0.0, end)
        below.set_xlabel(f"$r$ in {unit}")
        below.set_ylabel("$u(r)$")
        below.legend(frameon=False, fontsize="small")
        try:
            with new_file(path, force=force) as temporary:
                figure.savefig(temporary, format=kind, dpi=200, metadata=metadata)
        finally:
            pyplot.close(figure)
