"""Least squares with a prior on the weights that the evidence chooses: how values with errors are fitted.

Weights are normal around zero, of every group with a variance of its own: the biases of a layer, its matrix,
and of the first matrix each input's column, so that inputs which matter little are seen to (automatic
relevance). What is minimised is

    sum r^2 / t + sum_g a_g |w_g|^2,

r being residuals over their expected errors. Before every step the precisions a_g and the temperature t are
those under which the values are most likely, the weights being normal around where they are (MacKay, Neural
Computation 4, 448, 1992; with Levenberg-Marquardt: Foresee & Hagan, Proc. ICNN 1930, 1997):

    a_g = c_g / |w_g|^2,   t = sum r^2 / (N - c),   c_g = n_g - a_g tr_g (J^T J / t + a)^-1,

n_g weights in a group, of which the values determine c_g. t is 1 where residuals are the errors of the
values, larger where the model cannot follow them, and less where most of what was expected is the model's
own misfit, which turns out small; it never says that values are better than stated.

There is no early stopping: the fit ends where the weights settle. At that minimum the inverse of
``J^T J / t + a`` is the covariance of the weights (`laplace`).
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils import parameters_to_vector

from ..compute.group import processes
from .levenberg_marquardt import LevenbergMarquardt
from .model import Residual
from .normal import Normal, NormalMatrix
from .problem import Samples

LARGEST = 6000
"""Weights: beyond, the inverse of their matrix takes longer than it is worth."""

_BROAD = 1e-4  # added to |w|^2 and to the count: a group the values leave alone keeps a finite precision
_LEAST_FREE = 0.1  # of the rows: that many are taken to be left by the weights at the least
_WAITING = 1e-4  # of the first precisions, while the evidence is not asked yet
_SETTLED = 1e-2  # fall of the minimised sum in a step, below which a fit has ended
_IN_A_ROW = 3  # steps


def applies(model: Residual, samples: Samples) -> bool:
    """Whether values have errors, and the matrix of all weights fits one process in double precision."""
    parameters = list(model.parameters())
    count = sum(p.numel() for p in parameters)
    return (
        samples.sigma is not None
        and count <= LARGEST
        and processes() == 1
        and parameters[0].dtype == torch.float64
    )


class EvidenceLevenbergMarquardt(LevenbergMarquardt):
    """Levenberg-Marquardt with that prior.

    Attributes:
        precision: a of every weight ``(weights,)``.
        temperature: t.
    """

    keeps_last: bool = True  # with a prior no step is too many

    def __init__(self, model: Residual, samples: Samples) -> None:
        super().__init__(model, samples, robust=True)
        self.groups = _groups(model)
        weights = parameters_to_vector(model.parameters()).detach()
        self.members = self._summed(torch.ones_like(weights))
        self.precision = (self.members / (self._summed(weights**2) + _BROAD * self.members))[self.groups]
        self.temperature = 1.0
        assert samples.sigma is not None
        # the least t: the variance of the values' errors over that of all that residuals were expected to be
        self.least = float((samples.weights * samples.sigma).square().median())
        self.fall = math.inf
        self.calm = 0
        self.waits = 0

    def wait(self, steps: int) -> None:
        """So many first steps with next to no prior: far from the minimum the evidence takes weights for
        useless that are only not yet of use, and what it has once shrunk stays small."""
        self.precision = _WAITING * self.precision
        self.waits = steps

    def step(self) -> float | None:
        if self.calm >= _IN_A_ROW:
            return None
        error = super().step()
        self.calm = self.calm + 1 if self.fall < _SETTLED and not self.waits else 0
        return error

    def state(self) -> dict[str, Any]:
        own = {"precision": self.precision.clone(), "temperature": self.temperature, "calm": self.calm}
        own["waits"] = self.waits
        return {**super().state(), **own}

    def load_state(self, state: dict[str, Any]) -> None:
        super().load_state(state)
        self.precision, self.temperature = state["precision"].to(self.precision), state["temperature"]
        self.calm, self.waits = state["calm"], state.get("waits", 0)

    def normal_equations(self) -> tuple[float, Tensor, Normal]:
        loss, gradient, normal = super().normal_equations()
        weights = parameters_to_vector(self.model.parameters()).detach()
        assert isinstance(normal, NormalMatrix)  # as it is made below
        self._choose(weights, loss, normal.squared)
        ridge = self._ridge
        normal.squared.diagonal().add_(ridge)
        return loss + float(ridge @ weights**2), gradient + ridge * weights, normal

    def _normal(self, weights: Tensor) -> Normal:
        return NormalMatrix(weights)  # what rounding takes of it the prior covers

    def _choose(self, weights: Tensor, loss: float, normal: Tensor) -> None:
        """The most likely precisions and temperature, one step of their fixed point."""
        if self.waits:
            self.waits -= 1
            self.temperature = max(loss, self.least)
            return
        posterior = normal * (self.count / self.temperature)
        posterior.diagonal().add_(self.precision)
        factor, failed = torch.linalg.cholesky_ex(posterior)
        if int(failed):
            return
        variances = torch.cholesky_inverse(factor).diagonal()
        known = self._summed(1 - self.precision * variances).clamp(min=0)
        least = _BROAD * self.members
        self.precision = ((known + least) / (self._summed(weights**2) + least))[self.groups]
        free = max(self.count - float(known.sum()), _LEAST_FREE * self.count)
        self.temperature = max(loss * self.count / free, self.least)

    @property
    def _ridge(self) -> Tensor:
        return self.precision * (self.temperature / self.count)

    def _summed(self, values: Tensor) -> Tensor:
        """Sums over the groups."""
        return values.new_zeros(int(self.groups.max()) + 1).index_add_(0, self.groups, values)

    def _loss(self) -> float:
        return super()._loss() + float(self._ridge @ parameters_to_vector(self.model.parameters()) ** 2)

    def _along(self, here: Tensor, path: Sequence[Tensor], loss: float) -> tuple[float, float]:
        reached, length = super()._along(here, path, loss)
        self.fall = (loss - reached) * self.count / self.temperature
        return reached, length


def _groups(model: Residual) -> Tensor:
    """``(weights,)``: the number of each weight's group."""
    found: list[Tensor] = []
    count, first = 0, True
    for parameter in model.parameters():
        if first and parameter.ndim == 2:  # by inputs
            own, first = torch.arange(parameter.shape[1]).expand(parameter.shape), False
        else:
            own = torch.zeros(parameter.shape, dtype=torch.int64)
        found.append(own.flatten() + count)
        count += int(own.max()) + 1
    return torch.cat(found).to(parameter.device)
