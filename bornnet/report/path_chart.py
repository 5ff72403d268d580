"""Kernel errors of one learned function along a path of ever deeper potentials."""

import numpy as np

from ..comparison.path import PathScan
from .style import INK, Chart, colour, grid, new_figure


def path_chart(scan: PathScan) -> Chart:
    """Errors of every order, above how far the exact series reaches at each point."""
    figure = new_figure(7.4, 4.2)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    for axes in (above, below):
        grid(axes)
        axes.axvline(1.0, color=INK, linewidth=1.0, linestyle=":")
    for n, errors in enumerate(scan.kernel_error):
        above.semilogy(scan.eta, errors, ".-", color=colour(n), label=f"order {n + 1}")
    above.axhline(1.0, color=INK, linewidth=0.6)
    above.set_ylabel("kernel error")
    above.legend(ncols=3)
    below.plot(scan.eta, scan.radius, color=INK)
    below.set_ylabel(r"radius (in $\eta$)")
    below.set_ylim(bottom=0.0)
    below.set_xlabel(r"strength $\eta$ of the potential that it is expanded at")
    data = {"eta": scan.eta, "radius": scan.radius}
    data |= {f"kernel_error_{n + 1}": errors for n, errors in enumerate(scan.kernel_error)}
    return Chart(
        "path",
        "terms",
        "One learned function, expanded elsewhere",
        f"Kernel errors of what was learned, expanded at ever deeper potentials on the way to {scan.along}, "
        "against the exact series there. Dotted: the first bound state. Below: how far the exact series at "
        "each point reaches along the way.",
        figure,
        {name: np.asarray(values) for name, values in data.items()},
    )
