"""A round of the iteration, fitted by a perceptron.

Values with errors leave more open than the covariance at one minimum says (`training.laplace`), which is of
one activation, of weights that move little, and of a prior that is what it is. Measured, at 16 cells and
errors of 1 %: fits to 400 values that differ in their starting weights alone spread by half of what each
states of the first-order terms of single potentials, and by as much of the second and third; what an
activation prefers of the third order lies 30 to 100 % from what others do, each well within the errors of
the values; and the weights follow the noise of 3,200 values further than to first order. Errors of single
coefficients hide that, being large; those of terms, sums in which all of them err alike, do not.

So some more networks, of other activations and starting weights, are fitted to the values with errors of
their size added (randomize-then-optimize: Bardsley et al., SIAM J. Sci. Comput. 36, A1895, 2014). The
variance over these and the network adds to that at its own minimum, as in a mixture of Laplace's
approximations (Eschenhagen et al., arXiv:2111.03577). Taking the mean square of how far they end from the
network instead stated errors of coefficients too large by half.
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
        others: fits of other networks to values with more noise; one that breaks down is passed over.
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
    others = [
        PerceptronFit(model(start), _with_more_noise(problem, task, start), how, task.seed)
        for start in range(1, 1 + count)
    ]
    return PerceptronFit(first, problem, how, task.seed, others)


def _with_more_noise(problem: Problem, task: Task, start: int) -> Problem:
    """The problem with errors added to its values of the size that they have: by as much as a fit moves then,
    it may be off already."""
    training = problem.training
    assert training.sigma is not None
    draw = np.random.default_rng([task.seed, task.member, task.number, start, 5])
    added = training.sigma * torch.from_numpy(draw.standard_normal(len(training))).to(training.sigma)
    return replace(problem, training=replace(training, targets=training.targets + added))


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
