"""Adam and L-BFGS on the same least-squares problem, by torch's own optimizers and autograd."""

import math
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor

from .problem import Samples
from .remainder import TaylorRemainder


def weighted_loss(model: TaylorRemainder, samples: Samples) -> Tensor:
    """What is minimised: the mean square of the weighted residuals."""
    return (samples.weights * (model(samples.inputs) - samples.targets)).square().mean()


class Adam:
    """Adam (Kingma & Ba 2015) over shuffled mini-batches, one epoch a step, with a cosine schedule.

    Args:
        steps: epochs in all; the learning rate falls from ``learning_rate`` to a thousandth of it.
        batch: samples in a mini-batch.
        seed: of the shuffling.
    """

    def __init__(
        self,
        model: TaylorRemainder,
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

    def step(self) -> float:
        """One epoch; the mean loss over it."""
        order = torch.randperm(len(self.samples), generator=self.generator).to(self.samples.inputs.device)
        total = 0.0
        for index in order.split(self.batch):
            self.optimizer.zero_grad()
            loss = weighted_loss(self.model, self.samples.rows(index))
            loss.backward()
            self.optimizer.step()
            total += float(loss.detach()) * len(index)
        self.schedule.step()
        return total / len(self.samples)

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

    def __init__(self, model: TaylorRemainder, samples: Samples) -> None:
        self.model = model
        self.samples = samples
        self.optimizer = torch.optim.LBFGS(
            model.parameters(),
            max_iter=20,
            history_size=50,
            tolerance_grad=0.0,
            tolerance_change=0.0,
            line_search_fn="strong_wolfe",
        )

    def step(self) -> float:
        """Twenty iterations; the loss before them."""

        def closure() -> Tensor:
            self.optimizer.zero_grad()
            loss = weighted_loss(self.model, self.samples)
            loss.backward()
            return loss

        return float(self.optimizer.step(closure).detach())

    def state(self) -> dict[str, Any]:
        return {"optimizer": deepcopy(self.optimizer.state_dict())}  # the history changes in place

    def load_state(self, state: dict[str, Any]) -> None:
        self.optimizer.load_state_dict(state["optimizer"])
