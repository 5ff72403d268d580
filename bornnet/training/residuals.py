"""The weighted residuals of a model on samples, and their Jacobian in the weights.

A sample has one residual for its value and, where slopes are given, one for each of its K directions; the
latter count 1/K each, so that values and slopes weigh alike. What is minimised is the sum of the squares over
the number of samples; by Levenberg-Marquardt and Gauss-Newton with weights that keep a few large residuals
from ruling it (`reweighted`).
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import torch
from torch import Tensor

from ..compute.group import total
from .model import Inexact, Residual
from .problem import Batch, Samples

BLOCK = 8192
"""Samples passed through a network at once."""

_EXACT = 5e-5  # truncation, weighed, that is no hindrance
_USUAL = 100.0  # times the median of all rows, which is none either: coarse steps are then the model's own
_HIDDEN = 1e-2  # of a target's standard deviation: in its noise nothing is seen of that
_OUTLYING = 6.0  # typical sizes of errors; that of normal ones is 0.68 of a standard deviation


def residuals(model: Callable[[Tensor], Tensor], batch: Batch) -> Tensor:
    """``(N,)``, or ``(N * (1 + K),)`` with slopes; with autograd where gradients are enabled."""
    if batch.slopes is None:
        return batch.weights * (model(batch.inputs) - batch.targets)
    tracked = torch.is_grad_enabled()
    with torch.enable_grad():
        x = batch.inputs.detach().requires_grad_()
        value = model(x)
        (gradient,) = torch.autograd.grad(value.sum(), x, create_graph=tracked)
    slopes = batch.slopes
    along = (slopes.directions @ gradient[:, :, None])[:, :, 0] - slopes.targets
    along = slopes.weights[:, None] * along / len(slopes) ** 0.5
    both = torch.cat([batch.weights * (value - batch.targets), along.flatten()])
    return both if tracked else both.detach()


def linearized(model: Residual, batch: Batch) -> Iterator[tuple[Tensor, Tensor]]:
    """The same residuals in parts of N, each with its Jacobian ``(N, weights)``."""
    value, jacobian = model.value_and_jacobian(batch.inputs)
    yield batch.weights * (value - batch.targets), jacobian.mul_(batch.weights[:, None])
    if batch.slopes is not None:
        weights = batch.slopes.weights / len(batch.slopes) ** 0.5
        for directions, targets in zip(
            batch.slopes.directions.unbind(1), batch.slopes.targets.unbind(1), strict=True
        ):
            slope, jacobian = model.slope_and_jacobian(batch.inputs, directions)
            yield weights * (slope - targets), jacobian.mul_(weights[:, None])


@torch.no_grad()
def mean_square(model: Residual, samples: Samples) -> float:
    """The sum of the squares over the number of samples."""
    squares = samples.targets.new_zeros(())
    for block in samples.blocks(BLOCK):
        squares += residuals(model, block).square().sum()
    return float(total(squares)) / total_rows(samples)


@torch.no_grad()
def errors(model: Callable[[Tensor], Tensor], samples: Samples) -> tuple[float, float]:
    """The root mean square of the residuals, and their typical size: the square of the mean of their roots.

    A few large residuals make up the first and hardly count in the second. It is near the median, and unlike
    that a sum, so that processes and blocks add up.
    """
    sums = samples.targets.new_zeros(2)
    for block in samples.blocks(BLOCK):
        r = residuals(model, block)
        sums += torch.stack([r.square().sum(), r.abs().sqrt().sum()])
    squares, roots = total(sums).tolist()
    count = total_rows(samples)
    return math.sqrt(squares / count), (roots / (count * samples.residuals_each)) ** 2


@torch.no_grad()
def reweighted(model: Residual, samples: Samples) -> tuple[float, Samples]:
    """The mean square, and the samples with weights for least squares that a few of them do not rule.

    The square of a residual r among such of the typical size s (`errors`) weighs ``1/sqrt(1 + (r/s)^2)``:
    small ones count as their squares, large ones as their sizes. Least squares with these weights, found anew
    before each step, lead to the least sum of ``sqrt(s^2 + r^2)``, which is the pseudo-Huber loss
    (iteratively reweighted least squares: Holland & Welsch, Commun. Stat. A 6, 813, 1977). Where targets have
    errors, s is about four of their standard deviations: normal errors then count nearly as their squares,
    which tell most, and outliers still as their sizes. The slopes of a sample share a weight, by their norm
    and by a typical size of their own.
    """
    parts = 1 if samples.slopes is None else 2
    sizes = samples.targets.new_empty(parts, len(samples))
    sums = samples.targets.new_zeros(2, parts)
    for start in range(0, len(samples), BLOCK):
        batch = samples.rows(slice(start, start + BLOCK))
        r = residuals(model, batch)
        part = sizes[:, start : start + BLOCK]
        part[0] = r[: len(batch)].abs()
        if batch.slopes is not None:
            part[1] = r[len(batch) :].reshape(len(batch), -1).norm(dim=1)
        sums += torch.stack([part.square().sum(1), part.sqrt().sum(1)])
    count = total_rows(samples)
    squares, roots = total(sums) / count
    typical = roots.square().clamp(min=torch.finfo(sizes.dtype).tiny)
    if samples.sigma is not None:
        typical *= _OUTLYING
    weights = sizes.div_(typical[:, None]).square_().add_(1).pow_(-0.25)  # the root: residuals are weighed
    slopes = samples.slopes
    if slopes is not None:
        slopes = replace(slopes, weights=weights[1].mul_(slopes.weights))
    new = replace(samples, weights=weights[0].mul_(samples.weights), slopes=slopes)
    return float(squares.sum()), new


@torch.no_grad()
def followed(model: Callable[[Tensor], Tensor], samples: Samples) -> Samples:
    """The samples whose values the model, as it is now, finds exactly enough (`model.Inexact`): all of them,
    unless it is integrated in steps.

    A state that comes near a pole on its way, or a cell that is very deep, asks for shorter steps than those
    that all others do with. A fit to such a row bends the model to the error of the steps. Which rows these
    are is known only as the model learns, and so is asked before each step: residuals of the others alone
    are fitted, and the best weights are judged by them.
    """
    if not isinstance(model, Inexact):
        return samples
    missed = truncation(model, samples)
    kept = missed <= max(_EXACT, _USUAL * float(missed.median()))
    if samples.sigma is not None:
        kept |= missed <= _HIDDEN * samples.weights * samples.sigma
    return samples if kept.all() else samples.rows(kept.nonzero()[:, 0])


@torch.no_grad()
def truncation(model: Inexact, samples: Samples) -> Tensor:
    """``(N,)``: by how much the model, as it is now, misses its own values, weighed as residuals are."""
    blocks = [batch.weights * model.truncation(batch.inputs) for batch in samples.blocks(BLOCK)]
    return torch.cat(blocks).nan_to_num(nan=math.inf)


def pulled_back(model: Residual, batch: Batch, cotangent: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Residuals r and ``J^T c`` for a cotangent c, by default r itself, by one backward pass."""
    with torch.enable_grad():
        r = residuals(model, batch)
        pulled = torch.autograd.grad(
            r, list(model.parameters()), r.detach() if cotangent is None else cotangent
        )
    return r.detach(), torch.cat([part.flatten() for part in pulled])


def loss_and_pull(model: Residual, batches: Iterable[Batch], count: int) -> tuple[float, Tensor]:
    """The sum of squared residuals and ``J^T r``, both over ``count``, of the batches of all processes."""
    weights = sum(parameter.numel() for parameter in model.parameters())
    both = next(model.parameters()).new_zeros(weights + 1)  # one sum over the processes for both
    for batch in batches:
        r, pulled = pulled_back(model, batch)
        both[:-1] += pulled
        both[-1] += r.square().sum()
    total(both)
    return float(both[-1]) / count, both[:-1] / count


def pushed_forward(model: Residual, batch: Batch, vector: Tensor) -> Tensor:
    """``J v`` for a vector of the weights: the derivative in c of ``v . J^T c``, two backward passes."""
    parameters = list(model.parameters())
    with torch.enable_grad():
        r = residuals(model, batch)
        cotangent = torch.zeros_like(r, requires_grad=True)
        pulled = torch.autograd.grad(r, parameters, cotangent, create_graph=True)
        product = vector @ torch.cat([part.flatten() for part in pulled])
        return torch.autograd.grad(product, cotangent)[0]


def total_rows(samples: Samples) -> int:
    """Samples of all processes together."""
    return int(total(torch.tensor(len(samples))))
