"""A round of the iteration, fitted by a perceptron.

Values with errors leave open in which minimum a fit ends. Fits of 400 of them at 16 cells, errors of 1 %,
that differ in their starting weights alone were found to spread by half of what each of them states in the
first order, and by as much in the second and third: the posterior is a mixture of minima (of Laplace's
approximations at each: Eschenhagen et al., arXiv:2111.03577), of which one minimum shows half the variance
there. So such values are fitted from some other starting weights as well, unless members of an ensemble show
the same.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from ...networks.mlp import MLP
from ...training import evidence
from ...training.fit import BrokenDown, Fit, Progress, Settings
from ...training.laplace import weight_spread
from ...training.problem import Problem
from ..base import Task
from ..stepwise import settings
from .config import Config
from .perceptron import Perceptron
from .remainder import TaylorRemainder

PRECISION = {"double": torch.float64, "single": torch.float32}


class PerceptronFit(Fit):
    """The training loop of a perceptron, and after it those of other networks.

    Args:
        seed: of the draws that make up the spread of many weights.
        others: fits to the same problem, of other networks; one that breaks down is passed over.
    """

    model: TaylorRemainder

    def __init__(
        self,
        model: TaylorRemainder,
        problem: Problem,
        settings: Settings,
        seed: int,
        others: Sequence["PerceptronFit"] = (),
    ) -> None:
        super().__init__(model, problem, settings)
        self.seed = seed
        self.others = others
        self.reached: list[MLP] = []

    def run(self, after_step: Callable[[Progress], None] = lambda progress: None) -> Progress:
        progress = super().run(after_step)
        self.reached = []
        for other in self.others:
            with suppress(BrokenDown):
                other.run(lambda _: after_step(progress))
                self.reached.append(other.model.model)
        return progress

    def state(self) -> dict[str, Any]:
        return {**super().state(), "others": [other.state() for other in self.others]}

    def load_state(self, state: dict[str, Any]) -> None:
        super().load_state(state)
        # checkpoints of earlier versions have none
        for other, own in zip(self.others, state.get("others", ()), strict=False):
            other.load_state(own)

    def learned(self) -> Perceptron:
        spread = weight_spread(self.model, self.problem, self.seed, self.optimizer)
        network, *others = (n.to("cpu", torch.float64) for n in (self.model.model, *self.reached))
        return Perceptron(network, spread, others)


def begin(problem: Problem, task: Task, config: Config) -> PerceptronFit:
    """A fit that is ready to run."""
    device, dtype = torch.device(task.device), PRECISION[config.precision]
    problem, how = problem.to(device, dtype), settings(task, config)

    def model(start: int) -> TaylorRemainder:
        return TaylorRemainder(initial_network(task, config, start).to(device, dtype), task.degree)

    first = model(0)
    count = len(config.others) if task.alone and evidence.applies(first, problem.training) else 0
    if count and how.seconds is not None:
        how = replace(how, seconds=how.seconds / (1 + count))
    others = [PerceptronFit(model(start), problem, how, task.seed) for start in range(1, 1 + count)]
    return PerceptronFit(first, problem, how, task.seed, others)


def initial_network(task: Task, config: Config, start: int = 0) -> MLP:
    """A network with weights drawn for this member, round (for the first round only, if started warm) and
    start: the first is the learner's own, later ones are `Config.others`; where the round before has left one
    to start from, that."""
    activation = config.others[start - 1] if start else config.activation
    if config.warm_start and task.before is not None:
        assert isinstance(task.before, Perceptron)
        networks = (task.before.network, *task.before.others)
        if start < len(networks) and networks[start].activation == activation:
            return networks[start]
    entropy = [task.seed, task.member, 1 if config.warm_start else task.number]
    if start:
        entropy += [start, 4]
    draw = np.random.SeedSequence(entropy).generate_state(1)[0]
    generator = torch.Generator().manual_seed(int(draw))
    return MLP(task.cells, config.hidden, activation, generator=generator)
