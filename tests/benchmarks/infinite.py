"""Perceptrons of finite width beside the Gaussian processes that infinitely wide ones are.

    bornnet study infinite --out runs/infinite
    python tests/benchmarks/infinite.py runs/infinite/results.csv [--csv FILE] [--plot FILE]

Printed are, for each setting of the study, the errors of the learned kernels (medians over the seeds), and
for each depth and order the least number of units a layer with which an error is reached. `--csv` writes the
columns that this takes; such a file can be given in place of the study's own.
"""

import argparse
import csv
from pathlib import Path
from statistics import median

COLUMNS = ("hidden", "kernel", "depth", "seed", "order", "kernel_error")
REACHED = {1: 1e-6, 2: 3e-4, 3: 1e-2, 4: 5e-2}
Errors = dict[tuple[str, int, int], dict[int, float]]


def collected(rows: list[dict[str, str]]) -> Errors:
    """Medians over seeds by (what, depth, width), then order; the width of a process is 0."""
    found: dict[tuple[str, int, int], dict[int, list[float]]] = {}
    for row in rows:
        widths = [int(width) for width in row["hidden"].split()]
        key = (
            (row["kernel"], int(row["depth"]), 0) if row["kernel"] else ("perceptron", len(widths), widths[0])
        )
        found.setdefault(key, {}).setdefault(int(row["order"]), []).append(float(row["kernel_error"]))
    return {key: {order: median(errors) for order, errors in by.items()} for key, by in found.items()}


def show(errors: Errors) -> None:
    for (what, depth, width), by in errors.items():
        units = f"{width:4}" if width else "    "
        print(
            f"{what:10} depth {depth} {units}  "
            + "  ".join(f"{error:8.1e}" for _, error in sorted(by.items()))
        )
    print(
        "least units a layer, of those tried, for errors of",
        *(f"{e:g} (order {n})" for n, e in REACHED.items()),
    )
    for depth in sorted({depth for what, depth, _ in errors if what == "perceptron"}):
        widths = sorted(width for what, at, width in errors if what == "perceptron" and at == depth)
        least = (
            next((str(w) for w in widths if errors["perceptron", depth, w][n] <= bound), "-")
            for n, bound in REACHED.items()
        )
        print(f"depth {depth}: ", "  ".join(f"{width:>4}" for width in least))


def draw(errors: Errors, path: Path) -> None:
    import matplotlib

    matplotlib.rcParams["svg.hashsalt"] = "bornnet"
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3.4), layout="constrained")
    colors = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
    for order, axes in zip(REACHED, figure.subplots(1, len(REACHED)), strict=True):
        for depth, color in enumerate(colors, start=1):
            points = sorted(
                (width, by[order]) for (what, at, width), by in errors.items() if width and at == depth
            )
            if points:
                axes.loglog(*zip(*points, strict=True), color=color, marker="o", ms=3, label=f"depth {depth}")
            for kernel, line in (("nngp-erf", ":"), ("ntk-erf", "--")):
                if (kernel, depth, 0) in errors:
                    axes.axhline(errors[kernel, depth, 0][order], color=color, linestyle=line, linewidth=1)
        axes.set(title=f"order {order}", xlabel="units a layer")
    figure.axes[0].set_ylabel("kernel error, relative")
    figure.legend(
        *figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False
    )
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path)
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--plot", type=Path)
    given = parser.parse_args()
    with given.results.open(newline="") as file:
        rows = list(csv.DictReader(file))
    errors = collected(rows)
    show(errors)
    if given.csv:
        with given.csv.open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore", lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    if given.plot:
        draw(errors, given.plot)


if __name__ == "__main__":
    main()
