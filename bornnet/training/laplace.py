"""How far the weights may be off: Laplace's approximation at the end of a fit.

The weights are taken as normal around the fitted ones, with the inverse of ``J^T J / s^2 + 1/v`` as
covariance (MacKay, Neural Computation 4, 448, 1992). J is the Jacobian of the residuals, which weigh one
over the errors of the values, and v the variance of a prior, which bounds what the data do not: of every
layer the mean square of its fitted weights, at most 1, since those that the data leave alone have the size
of the rest (with v = 1, errors of a perceptron's second and third order were stated three to five times too
large). s is the root of the mean square of the residuals on held-out data, at least 1. Where values are
exact, what is left is no noise but the model's own misfit, of which this says nothing: in trials the stated
errors of coefficients were up to ten times too small or too large, whatever s was made of, so none are
stated. What is kept is a factor of the covariance: for many weights some random draws from it, whose mean
square is the variance to ``sqrt(2 / draws)``.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch

from ..compute.group import processes
from .evidence import EvidenceLevenbergMarquardt
from .levenberg_marquardt import block_rows
from .model import Residual
from .normal import gram
from .problem import Problem
from .residuals import errors, linearized

DRAWS = 128
"""Columns of the factor at most: standard deviations are then right to 6 %."""

_LEAST_PRIOR = 1e-2  # variance: a layer that has hardly moved from zero is not certain to be there
_LARGEST = 6000  # weights: beyond, their matrix takes longer than it is worth


@torch.no_grad()
def weight_spread(
    model: Residual, problem: Problem, seed: int, optimizer: object = None
) -> np.ndarray | None:
    """F ``(weights, K)`` with ``F F^T`` the covariance of the weights, or about that.

    None where values are exact, there are more than some thousand weights, several processes share the rows,
    or the matrix is not positive definite in the model's precision.
    """
    if problem.training.sigma is None:
        return None
    parameters = list(model.parameters())
    count = sum(p.numel() for p in parameters)
    if count > _LARGEST or processes() > 1 or parameters[0].dtype != torch.float64:
        return None
    normal = parameters[0].new_zeros(count, count)
    for block in problem.training.blocks(block_rows(count)):
        for _, jacobian in linearized(model, block):
            normal += gram(jacobian)
    if isinstance(optimizer, EvidenceLevenbergMarquardt):
        temperature, precision = optimizer.temperature, optimizer.precision
    else:
        temperature = max(1.0, errors(model, problem.held_out)[0]) ** 2
        precision = 1 / _prior(parameters)
    if not (math.isfinite(temperature) and torch.isfinite(normal).all()):
        return None
    factor, failed = torch.linalg.cholesky_ex(normal / temperature + torch.diag(precision))
    if int(failed):
        return None
    if count <= DRAWS:
        directions = torch.eye(count).to(normal)
    else:
        draw = np.random.default_rng([seed, 19]).standard_normal((count, DRAWS)) / np.sqrt(DRAWS)
        directions = torch.from_numpy(draw).to(normal)
    return torch.linalg.solve_triangular(factor.mT, directions, upper=True).cpu().numpy()


def _prior(parameters: Sequence[torch.Tensor]) -> torch.Tensor:
    """The prior variance of every weight ``(weights,)``: the mean square over its layer, at most 1."""
    layers: list[list[torch.Tensor]] = []
    for parameter in parameters:
        if parameter.ndim > 1 or not layers:
            layers.append([])
        layers[-1].append(parameter.flatten())  # biases belong to the matrix before them
    whole = [torch.cat(layer) for layer in layers]
    return torch.cat([torch.full_like(w, float(w.square().mean().clamp(_LEAST_PRIOR, 1.0))) for w in whole])
