"""The perceptron as a learner: the network, its exact Taylor terms, and its fit by an optimizer."""

from collections.abc import Iterator
from itertools import pairwise
from typing import ClassVar

import numpy as np
import torch

from ...networks.derivatives import derivative_tensor
from ...networks.jets import taylor_terms
from ...networks.mlp import MLP
from ...training.fit import Fit
from ...training.problem import Problem
from ..base import Learner, State, Task
from ..stepwise import per_round, settings
from . import cost
from .config import Config
from .remainder import TaylorRemainder

PRECISION = {"double": torch.float64, "single": torch.float32}
_ROWS = 8192  # potentials whose values or gradients are taken at once


class Perceptron(Learner):
    """A multilayer perceptron.

    Attributes:
        network: the `MLP`, in double precision on the CPU.
    """

    kind: ClassVar[str] = "mlp"
    shares_rows: ClassVar[bool] = True
    on_gpu: ClassVar[bool] = True

    def __init__(self, network: MLP) -> None:
        self.network = network

    def __call__(self, U: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            parts = [self.network(torch.from_numpy(block)) for block in _blocks(U)]
        return torch.cat(parts).numpy()

    def taylor_terms(self, U: np.ndarray, order: int, at: np.ndarray | None = None) -> np.ndarray:
        return taylor_terms(self.network, U, order, at)

    def derivative_tensor(
        self, order: int, at: np.ndarray | None = None, packed: bool = False, cells: int | None = None
    ) -> np.ndarray:
        with torch.no_grad():
            return derivative_tensor(self.network, order, at, packed).cpu().numpy()

    def terms_gradient(self, U: np.ndarray, orders: list[int]) -> np.ndarray:
        total = np.zeros_like(U)
        for start in range(0, len(U), _ROWS):
            block = torch.tensor(U[start : start + _ROWS], requires_grad=True)
            terms = taylor_terms(self.network, block, max(orders))[orders]
            total[start : start + _ROWS] = torch.autograd.grad(terms.sum(), block)[0].numpy()
        return total

    def rescaled(self, inputs: np.ndarray, output: float) -> "Perceptron":
        return Perceptron(self.network.rescaled(torch.from_numpy(inputs), output))

    def state(self) -> State:
        network = self.network
        arrays = {name: tensor.detach().cpu().numpy() for name, tensor in network.state_dict().items()}
        architecture = {
            "inputs": network.inputs,
            "hidden": list(network.hidden),
            "activation": network.activation,
        }
        return State(arrays, {"architecture": architecture})

    @classmethod
    def from_state(cls, state: State) -> "Perceptron":
        architecture, arrays = state.facts["architecture"], state.arrays
        widths = (architecture["inputs"], *architecture["hidden"], 1)
        # The weights that are there bound the network, so that a forged architecture cannot take memory.
        layers = [array.shape for name, array in sorted(arrays.items()) if name.endswith(".weight")]
        if sorted(layers) != sorted((above, below) for below, above in pairwise(widths)):
            raise ValueError(f"widths {widths} do not fit its weights {layers}")
        network = MLP(architecture["inputs"], tuple(architecture["hidden"]), architecture["activation"])
        network.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
        return cls(network)

    def require(self, cells: int, config: Config) -> None:
        expected = (cells, config.hidden, config.activation)
        found = (self.network.inputs, self.network.hidden, self.network.activation)
        if found != expected:
            raise ValueError(
                f"expected a network of {expected} (cells, hidden layers, activation), got {found}"
            )

    @classmethod
    def begin(cls, problem: Problem, task: Task, config: Config) -> "PerceptronFit":
        network = initial_network(task, config)
        device, dtype = torch.device(task.device), PRECISION[config.precision]
        model = TaylorRemainder(network.to(device, dtype), task.degree)
        return PerceptronFit(model, problem.to(device, dtype), settings(task, config))

    @classmethod
    def most_steps(cls, config: Config, number: int) -> int:
        return per_round(config.steps, number)

    @classmethod
    def weight_count(cls, cells: int, config: Config) -> int:
        widths = (cells, *config.hidden, 1)
        return sum((below + 1) * above for below, above in pairwise(widths))

    @classmethod
    def memory(cls, rows: int, task: Task, config: Config, *, slopes: int = 0) -> float:
        return cost.step_memory(rows, cls.weight_count(task.cells, config), task, config, slopes=slopes)

    @classmethod
    def seconds(cls, problem: Problem, task: Task, config: Config) -> float:
        fit = cls.begin(problem, task, config)
        return per_round(config.steps, task.number) * cost.step_seconds(
            fit.model, fit.problem.training, config
        )


class PerceptronFit(Fit):
    """The training loop of a perceptron."""

    model: TaylorRemainder

    def learned(self) -> Perceptron:
        return Perceptron(self.model.model.to("cpu", torch.float64))


def initial_network(task: Task, config: Config) -> MLP:
    """A network with weights drawn for this member and round (for the first round only, if started warm);
    where the round before has left one to start from, a copy of that."""
    if config.warm_start and task.before is not None:
        assert isinstance(task.before, Perceptron)
        return task.before.network
    number = 1 if config.warm_start else task.number
    draw = np.random.SeedSequence([task.seed, task.member, number]).generate_state(1)[0]
    generator = torch.Generator().manual_seed(int(draw))
    return MLP(task.cells, config.hidden, config.activation, generator=generator)


def _blocks(U: np.ndarray) -> Iterator[np.ndarray]:
    return (np.ascontiguousarray(U[start : start + _ROWS]) for start in range(0, max(1, len(U)), _ROWS))
