"""The perceptron as a learner: the network, its exact Taylor terms, and how far they may be off."""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from ...networks.derivatives import derivative_tensor
from ...networks.jets import taylor_terms
from ...networks.mlp import MLP
from ...networks.packed import packed_size, unpack
from ...training.fit import KINDS
from ...training.problem import Problem
from ..base import Learner, State, Task
from ..spread import spreads
from ..stepwise import per_round
from .config import Config

if TYPE_CHECKING:
    from .fit import PerceptronFit

_OTHER = "other-"  # before the number of a network, in names of arrays
_STEP = 1e-5  # of the weights' norm
_ENTRIES = 100_000  # of a packed tensor whose deviations are worth their time
_ROWS = 8192  # potentials whose values or gradients are taken at once


class Perceptron(Learner):
    """A multilayer perceptron.

    Attributes:
        network: the `MLP`, in double precision on the CPU.
        spread: a factor F ``(weights, K)`` of the weights' covariance ``F F^T`` (`training.laplace`), in the
            order of ``parameters_to_vector``; None where none is known.
        others: networks of other activations and starting weights, fitted to the values with more noise: what
            else could have been found (`fit`).
    """

    kind: ClassVar[str] = "mlp"
    shares_rows: ClassVar[bool] = True
    on_gpu: ClassVar[bool] = True

    def __init__(self, network: MLP, spread: np.ndarray | None = None, others: Sequence[MLP] = ()) -> None:
        self.network = network
        self.spread = spread
        self.others = tuple(others)

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

    def uncertainty(
        self, order: int, at: np.ndarray | None = None, cells: int | None = None
    ) -> np.ndarray | None:
        inputs = self.network.inputs
        if packed_size(inputs, order) > _ENTRIES:
            return None
        packed = self._std(lambda network: Perceptron(network).derivative_tensor(order, at, packed=True))
        return None if packed is None else unpack(packed, inputs, order)

    def terms_uncertainty(self, U: np.ndarray, order: int, at: np.ndarray | None = None) -> np.ndarray | None:
        return self._std(lambda network: taylor_terms(network, U, order, at))

    def value_uncertainty(self, U: np.ndarray) -> np.ndarray | None:
        origin = np.zeros((1, U.shape[1]))
        return self._std(lambda network: Perceptron(network)(U) - Perceptron(network)(origin))

    def _std(self, of: Callable[[MLP], np.ndarray]) -> np.ndarray | None:
        """One standard deviation of a function of the network, linear in its weights over their spread; the
        variance over this network and the others is added, as that over members is (`learners.spread`).

        Derivatives along the columns of the spread are differences over steps far below what the weights may
        be off, and far above rounding.
        """
        if self.spread is None:
            return None
        weights = parameters_to_vector(self.network.parameters()).detach().numpy()
        moved = copy.deepcopy(self.network)
        variance: np.ndarray | float = 0.0
        for column in self.spread.T:
            step = _STEP * np.linalg.norm(weights) / (np.linalg.norm(column) or 1.0)
            found = []
            for sign in (1.0, -1.0):
                vector_to_parameters(torch.from_numpy(weights + sign * step * column), moved.parameters())
                found.append(np.asarray(of(moved)))
            variance = variance + ((found[0] - found[1]) / (2 * step)) ** 2
        if self.others:
            variance = variance + spreads(np.array([of(n) for n in (self.network, *self.others)])) ** 2
        return np.sqrt(variance)

    def terms_gradient(self, U: np.ndarray, orders: list[int]) -> np.ndarray:
        total = np.zeros_like(U)
        for start in range(0, len(U), _ROWS):
            block = torch.tensor(U[start : start + _ROWS], requires_grad=True)
            terms = taylor_terms(self.network, block, max(orders))[orders]
            total[start : start + _ROWS] = torch.autograd.grad(terms.sum(), block)[0].numpy()
        return total

    def rescaled(self, inputs: np.ndarray, output: float) -> "Perceptron":
        networks = (self.network, *self.others)
        network, *others = (n.rescaled(torch.from_numpy(inputs), output) for n in networks)
        if self.spread is None:
            return Perceptron(network, None, others)
        ones = copy.deepcopy(self.network)
        with torch.no_grad():
            for parameter in ones.parameters():
                parameter.fill_(1.0)
        factors = parameters_to_vector(ones.rescaled(torch.from_numpy(inputs), output).parameters())
        return Perceptron(network, self.spread * factors.detach().numpy()[:, None], others)

    def state(self) -> State:
        network = self.network
        arrays = _arrays(network)
        for number, other in enumerate(self.others, start=1):
            arrays |= {f"{_OTHER}{number}.{name}": array for name, array in _arrays(other).items()}
        if self.spread is not None:
            arrays["spread"] = self.spread
        architecture = {
            "inputs": network.inputs,
            "hidden": list(network.hidden),
            "activation": network.activation,
        }
        facts: dict[str, Any] = {"architecture": architecture}
        if self.others:
            facts["others"] = [other.activation for other in self.others]
        return State(arrays, facts)

    @classmethod
    def from_state(cls, state: State) -> "Perceptron":
        architecture, arrays = state.facts["architecture"], dict(state.arrays)
        spread = arrays.pop("spread", None)
        networks: dict[str, dict[str, np.ndarray]] = {"": {}}
        for name, array in arrays.items():
            which, own = name.split(".", 1) if name.startswith(_OTHER) else ("", name)
            networks.setdefault(which, {})[own] = array
        activations = [architecture["activation"], *state.facts.get("others", ())]
        network, *others = (
            _network({**architecture, "activation": activation}, networks[which])
            for which, activation in zip(sorted(networks), activations, strict=True)
        )
        count = sum(p.numel() for p in network.parameters())
        if spread is not None and (spread.ndim != 2 or len(spread) != count):
            raise ValueError(f"a spread {spread.shape} does not fit {count} weights")
        return cls(network, spread, others)

    def require(self, cells: int, config: Config) -> None:
        expected = (cells, config.hidden, config.activation)
        found = (self.network.inputs, self.network.hidden, self.network.activation)
        if found != expected:
            raise ValueError(
                f"expected a network of {expected} (cells, hidden layers, activation), got {found}"
            )

    @classmethod
    def begin(cls, problem: Problem, task: Task, config: Config) -> "PerceptronFit":
        from .fit import begin

        return begin(problem, task, config)

    @classmethod
    def most_steps(cls, config: Config, number: int) -> int:
        return per_round(config.steps, number)

    @classmethod
    def weight_count(cls, cells: int, config: Config) -> int:
        widths = (cells, *config.hidden, 1)
        return sum((below + 1) * above for below, above in pairwise(widths))

    @classmethod
    def memory(cls, rows: int, task: Task, config: Config, *, slopes: int = 0) -> float:
        # autograd keeps each layer's values, at the sample and for each lower order of the jets
        kept = 4 * (sum(config.hidden) + task.cells) * task.degree
        weights, batch = cls.weight_count(task.cells, config), config.batch
        return KINDS[config.optimizer].step_bytes(rows, weights, kept=kept, batch=batch, slopes=slopes > 0)

    @classmethod
    def seconds(cls, problem: Problem, task: Task, config: Config) -> float:
        fit = cls.begin(problem, task, config)
        steps = (1 + len(fit.others)) * per_round(config.steps, task.number)
        return steps * fit.optimizer.step_seconds()


def _arrays(network: MLP) -> dict[str, np.ndarray]:
    return {name: tensor.detach().cpu().numpy() for name, tensor in network.state_dict().items()}


def _network(architecture: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> MLP:
    """The network of stored weights; ``ValueError`` where they are none of such an architecture."""
    widths = (architecture["inputs"], *architecture["hidden"], 1)
    # The weights that are there bound the network, so that a forged architecture cannot take memory.
    layers = [array.shape for name, array in sorted(arrays.items()) if name.endswith(".weight")]
    if sorted(layers) != sorted((above, below) for below, above in pairwise(widths)):
        raise ValueError(f"widths {widths} do not fit its weights {layers}")
    network = MLP(architecture["inputs"], tuple(architecture["hidden"]), architecture["activation"])
    network.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    return network


def _blocks(U: np.ndarray) -> Iterator[np.ndarray]:
    return (np.ascontiguousarray(U[start : start + _ROWS]) for start in range(0, max(1, len(U)), _ROWS))
