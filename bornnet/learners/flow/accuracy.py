"""How exactly a flow is integrated: truncation, steps to a tolerance, and the evaluations that one takes."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from scipy.integrate import solve_ivp

from ...errors import BornnetError, InputError
from ...physics.edges import checked_edges
from .model import Flow

LARGEST = 1e8
"""A state beyond it, in the network's unit, has left all bounds."""

_LEAST_TOLERANCE = 1e-13  # what double precision bears
_MOST_SUBSTEPS = 1 << 10
_ROWS = 1024  # potentials whose paths are held at once


@dataclass(frozen=True)
class Integrated:
    """What an adaptive integration gave: outputs ``(N,)``, and evaluations of G a potential ``(N,)``."""

    outputs: np.ndarray
    evaluations: np.ndarray


@torch.no_grad()
def values(
    flow: Flow, potentials: np.ndarray, edges: Any = None, tolerance: float | None = None
) -> np.ndarray:
    """Outputs ``(N,)`` with the flow's own steps, or with as many as a tolerance takes.

    Args:
        potentials: ``(N, cells)``.
        edges: of the cells; equal ones on [0, 1] by default.
        tolerance: of the outputs, in the network's unit; steps are halved until the estimated truncation of
            each is below it.

    Raises:
        InputError: bad edges, or a tolerance below what double precision bears.
        BornnetError: a state left all bounds, or the tolerance was not reached; the row is named.
    """
    rows = torch.as_tensor(np.ascontiguousarray(potentials, dtype=float))
    output = _bounded(flow, rows, edges)
    if tolerance is None:
        return output
    _check_tolerance(tolerance)
    open_rows = np.arange(len(rows))
    shrink = 2.0**flow.method.order - 1
    substeps = flow.substeps
    while len(open_rows):
        substeps *= 2
        if substeps > _MOST_SUBSTEPS:
            raise BornnetError(
                f"potentials[{open_rows[0]}]: the tolerance {tolerance:g} is not reached "
                f"with {substeps // 2} "
                "steps a cell; take a larger tolerance, or an integrator of higher order "
                f"than {flow.method.name}"
            )
        finer = _bounded(flow.changed(substeps=substeps), rows[open_rows], edges, open_rows)
        estimate = np.abs(finer - output[open_rows]) / shrink / abs(flow.unit)
        output[open_rows] = finer
        open_rows = open_rows[~(estimate <= tolerance)]
    return output


@torch.no_grad()
def extent(flow: Flow, potentials: np.ndarray, edges: Any = None) -> tuple[np.ndarray, np.ndarray]:
    """The lowest and the highest states ``(N, k)`` of each potential, 0 and all ends of steps among them; NaN
    where there are none."""
    rows = torch.as_tensor(np.ascontiguousarray(potentials, dtype=float))
    grid = checked_edges(edges, rows.shape[1])
    lows, highs = [], []
    for block in rows.split(_ROWS):
        path = flow.paths(block, grid)
        lows.append(path.amin(1))
        highs.append(path.amax(1))
    return torch.cat(lows).numpy(), torch.cat(highs).numpy()


@torch.no_grad()
def truncation(flow: Flow, potentials: np.ndarray, edges: Any = None) -> np.ndarray:
    """Estimated error ``(N,)`` of the outputs by the steps' finite length, in units of the output.

    The difference to steps of half the length, by Richardson's rule.
    """
    rows = torch.as_tensor(np.ascontiguousarray(potentials, dtype=float))
    finer = flow.changed(substeps=2 * flow.substeps)
    change = (flow(rows, edges) - finer(rows, edges)).numpy()
    return np.abs(change) / (1 - 2.0**-flow.method.order)


@torch.no_grad()
def adaptive(
    flow: Flow, potentials: np.ndarray, edges: Any = None, tolerance: float = 1e-8, method: str = "RK45"
) -> Integrated:
    """Integrate with steps that adapt to each potential, and count what that takes.

    Every cell starts with the step that the last one ended with. The tolerance is relative, and absolute in
    the form of the states that is read out; ``method`` is one of `scipy.integrate.solve_ivp`.

    Raises:
        InputError: bad edges, or a tolerance below what double precision bears.
        BornnetError: the tolerance cannot be reached; row and r are named.
    """
    _check_tolerance(tolerance)
    rows = np.asarray(potentials, dtype=float)
    grid = checked_edges(edges, rows.shape[1])
    outputs, evaluations = np.empty(len(rows)), np.zeros(len(rows), dtype=int)
    for row, x in enumerate(rows * flow.factor):
        s, step = np.zeros(flow.components), np.inf
        for cell, (left, right) in enumerate(pairwise(grid)):

            def drive(r: float, s: np.ndarray, x: float = x[cell]) -> np.ndarray:
                place = torch.tensor([r, x], dtype=torch.float64)
                return flow.drive_at(torch.from_numpy(s), place[:1], place[1:]).numpy()

            found = solve_ivp(
                drive,
                (left, right),
                s,
                method=method,
                rtol=tolerance,
                atol=tolerance / float(flow.gain),
                first_step=min(step, right - left),
            )
            evaluations[row] += found.nfev
            if not found.success or not np.abs(found.y[:, -1]).max() < LARGEST:
                raise BornnetError(
                    f"potentials[{row}]: the tolerance {tolerance:g} cannot be reached at r = "
                    f"{found.t[-1]:g}: {_why(flow)}"
                )
            s = found.y[:, -1]
            # the last step is cut off by the edge: the longest of the cell is what the next one begins with
            step = np.diff(found.t).max()
        outputs[row] = flow.unit * float(flow.read_out(torch.from_numpy(s)))
    return Integrated(outputs, evaluations)


def _bounded(flow: Flow, rows: torch.Tensor, edges: Any, names: np.ndarray | None = None) -> np.ndarray:
    """Outputs, or ``BornnetError`` where a state leaves all bounds."""
    output = flow(rows, edges).numpy()
    lost = np.flatnonzero(~(np.abs(output) < LARGEST * abs(flow.unit)))
    if len(lost):
        row = lost[0] if names is None else names[lost[0]]
        raise BornnetError(f"potentials[{row}]: the state leaves all bounds: {_why(flow)}")
    return output


def _why(flow: Flow) -> str:
    if flow.state == "value":
        return (
            "where a bound state appears, the value passes through infinity on the way "
            "along r; take a weaker "
            "potential, or train a flow with the state 'angle', which carries it through"
        )
    return "the potential is far from those the flow was fitted to; take a weaker one"


def _check_tolerance(tolerance: float) -> None:
    if not tolerance >= _LEAST_TOLERANCE:
        raise InputError(
            f"tolerance: expected at least {_LEAST_TOLERANCE:g}, which is what double precision bears; got "
            f"{tolerance:g}"
        )
