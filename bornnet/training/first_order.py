"""Adam and L-BFGS on the same least-squares problem, by torch's own optimizers and autograd."""

import math
from collections.abc import Iterable
from copy import deepcopy
from typing import Any

import torch

from ..compute.group import processes, rank
from .cost import ROWS, autograd_bytes, pass_seconds
from .model import Residual
from .problem import Batch, Samples
from .residuals import BLOCK, loss_and_pull, total_rows


def loss_and_gradient(model: Residual, batches: Iterable[Batch], count: int) -> float:
    """The sum of squared residuals over ``count``; its gradient goes into the ``grad`` of the weights.

    With several processes both are those of the batches of all.
    """
    loss, pulled = loss_and_pull(model, batches, count)
    parameters = list(model.parameters())
    for parameter, part in zip(parameters, pulled.split([p.numel() for p in parameters]), strict=True):
        parameter.grad = (2 * part).view_as(parameter)
    return loss


_LBFGS_ITERATIONS = 20
_LBFGS_EVALUATIONS = 25  # of loss and gradient in a step: the iterations, and what the line searches add


class Adam:
    """Adam (Kingma & Ba 2015) over shuffled mini-batches, one epoch a step, with a cosine schedule.

    Args:
        steps: epochs in all; the learning rate falls from ``learning_rate`` to a thousandth of it.
        batch: samples in a mini-batch.
        seed: of the shuffling.
    """

    keeps_last: bool = False

    def __init__(
        self,
        model: Residual,
        samples: Samples,
        *,
        steps: int,
        learning_rate: float,
        batch: int,
        seed: int,
    ) -> None:
        self.model = model
        self.samples = samples
        self.batch = batch
        self.generator = torch.Generator().manual_seed(seed)
        self.optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
        floor = 1e-3
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer,
            lambda epoch: floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * min(epoch / steps, 1.0))),
        )

    @classmethod
    def step_bytes(
        cls, rows: int, weights: int, *, kept: int = 0, batch: int = 0, slopes: bool = False
    ) -> int:
        return autograd_bytes(min(rows, batch), weights, kept, history=10)

    def step_seconds(self) -> float:
        return pass_seconds(self.model, self.samples, self.batch)

    def step(self) -> float:
        """One epoch; the mean loss over it."""
        count = total_rows(self.samples)
        order = torch.randperm(count, generator=self.generator)
        loss = 0.0
        for index in order.split(self.batch):
            # process k of n holds the samples k, k + n, k + 2 n, .. of all
            own = index[index % processes() == rank()] // processes()
            batches = [self.samples.rows(own)] if len(own) else []
            loss += loss_and_gradient(self.model, batches, len(index)) * len(index)
            self.optimizer.step()
        self.schedule.step()
        return loss / count

    def state(self) -> dict[str, Any]:
        return {
            "optimizer": deepcopy(self.optimizer.state_dict()),  # moments change in place
            "schedule": {"last_epoch": self.schedule.last_epoch, "last_lr": self.schedule.get_last_lr()},
            "generator": self.generator.get_state(),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.last_epoch = state["schedule"]["last_epoch"]
        self.schedule._last_lr = state["schedule"]["last_lr"]
        self.generator.set_state(state["generator"])


class LBFGS:
    """L-BFGS (Liu & Nocedal 1989) on the full batch with a strong-Wolfe line search, 20 iterations a step."""

    keeps_last: bool = False

    def __init__(self, model: Residual, samples: Samples) -> None:
        self.model = model
        self.samples = samples
        self.optimizer = torch.optim.LBFGS(
            model.parameters(),
            max_iter=_LBFGS_ITERATIONS,
            history_size=50,
            tolerance_grad=0.0,
            tolerance_change=0.0,
            line_search_fn="strong_wolfe",
        )

    @classmethod
    def step_bytes(
        cls, rows: int, weights: int, *, kept: int = 0, batch: int = 0, slopes: bool = False
    ) -> int:
        return autograd_bytes(min(rows, BLOCK), weights, kept, history=100)

    def step_seconds(self) -> float:
        return _LBFGS_EVALUATIONS * pass_seconds(self.model, self.samples, ROWS)

    def step(self) -> float:
        """Twenty iterations; the loss before them."""
        count = total_rows(self.samples)

        def closure() -> float:
            return loss_and_gradient(self.model, self.samples.blocks(BLOCK), count)

        return self.optimizer.step(closure)

    def state(self) -> dict[str, Any]:
        return {"optimizer": deepcopy(self.optimizer.state_dict())}  # the history changes in place

    def load_state(self, state: dict[str, Any]) -> None:
        self.optimizer.load_state_dict(state["optimizer"])
