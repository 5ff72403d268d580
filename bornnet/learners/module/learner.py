"""A torch module as a learner: values, Taylor terms and tensors in double precision, and its fit by an
optimizer.

It has no diagrams, which need layers of one activation (`learners.mlp`).
"""

from collections.abc import Callable, Iterator
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, jvp

from ...errors import InputError
from ...networks.packed import multisets, packed_size, unpack
from ...training.fit import Fit
from ...training.laplace import weight_spread
from ...training.levenberg_marquardt import LevenbergMarquardt
from ...training.problem import Problem
from ..base import Learner, State, Task
from ..stepwise import per_round, settings
from .config import Config, class_name
from .forward import Function, differentiable, mixed, taylor
from .given import in_double, initial_module, reason, require_module
from .remainder import ModuleRemainder

_ROWS = 1024  # potentials, or entries of a tensor, that are differentiated at once
_ENTRIES = 5_000  # of a packed tensor whose deviations are worth their time


class ModuleLearner(Learner):
    """``U -> output * module(inputs * U)`` for any torch module.

    Args:
        module: ``(batch, cells)`` to ``(batch,)``, row by row, in double precision on the CPU.
        inputs: one factor a cell.
        spread: a factor F ``(weights, K)`` of the covariance ``F F^T`` of the fitted weights
            (`training.laplace`); None where none is known.
        fitted: their names, in the order of the rows of F.
    """

    kind: ClassVar[str] = "module"
    on_gpu: ClassVar[bool] = True

    def __init__(
        self,
        module: nn.Module,
        inputs: np.ndarray,
        output: float = 1.0,
        spread: np.ndarray | None = None,
        fitted: tuple[str, ...] = (),
    ) -> None:
        self.module = module.eval()
        self.inputs = np.array(inputs, dtype=float)
        self.output = float(output)
        self.spread = spread
        self.fitted = fitted

    def _values(self, U: Tensor) -> Tensor:
        return self.output * self.module(torch.from_numpy(self.inputs) * U)

    def __call__(self, U: np.ndarray) -> np.ndarray:
        with torch.no_grad(), differentiable():
            return torch.cat([self._values(block) for block in _blocks(U)]).numpy()

    def taylor_terms(self, U: np.ndarray, order: int, at: np.ndarray | None = None) -> np.ndarray:
        with torch.no_grad():
            return _terms(self._values, U, order, at).numpy()

    def derivative_tensor(
        self, order: int, at: np.ndarray | None = None, packed: bool = False, cells: int | None = None
    ) -> np.ndarray:
        with torch.no_grad():
            found = _entries(self._values, self._base(at), order).numpy()
        return found if packed else unpack(found, len(self.inputs), order) if order else found[0]

    def uncertainty(
        self, order: int, at: np.ndarray | None = None, cells: int | None = None
    ) -> np.ndarray | None:
        if packed_size(len(self.inputs), order) > _ENTRIES:
            return None
        packed = self._std(lambda function: _entries(function, self._base(at), order))
        return None if packed is None else unpack(packed, len(self.inputs), order)

    def terms_uncertainty(self, U: np.ndarray, order: int, at: np.ndarray | None = None) -> np.ndarray | None:
        return self._std(lambda function: _terms(function, U, order, at))

    def value_uncertainty(self, U: np.ndarray) -> np.ndarray | None:
        origin = torch.zeros(1, len(self.inputs), dtype=torch.float64)

        def values(function: Function) -> Tensor:
            with differentiable():
                return torch.cat([function(block) for block in _blocks(U)]) - function(origin)

        return self._std(values)

    def _std(self, of: Callable[[Function], Tensor]) -> np.ndarray | None:
        """One standard deviation of what is made of the module, linear in its weights over their spread."""
        if self.spread is None:
            return None
        named = dict(self.module.named_parameters())
        weights = {name: named[name].detach() for name in self.fitted}
        sizes = [weight.numel() for weight in weights.values()]

        def made(changed: dict[str, Tensor]) -> Tensor:
            return of(
                lambda U: (
                    self.output * functional_call(self.module, changed, (torch.from_numpy(self.inputs) * U,))
                )
            )

        variance: np.ndarray | float = 0.0
        for column in torch.from_numpy(np.ascontiguousarray(self.spread.T)):
            parts = zip(weights.items(), column.split(sizes), strict=True)
            along = {name: part.view_as(weight) for (name, weight), part in parts}
            with torch.no_grad():
                variance = variance + jvp(made, (weights,), (along,))[1].numpy() ** 2
        return np.sqrt(variance)

    def terms_gradient(self, U: np.ndarray, orders: list[int]) -> np.ndarray:
        parts = []
        for block in _blocks(U):
            x = block.clone().requires_grad_()
            parts.append(torch.autograd.grad(taylor(self._values, x, max(orders))[orders].sum(), x)[0])
        return torch.cat(parts).numpy()

    def rescaled(self, inputs: np.ndarray, output: float) -> "ModuleLearner":
        return ModuleLearner(
            self.module, inputs * self.inputs, output * self.output, self.spread, self.fitted
        )

    def state(self) -> State:
        """Weights and buffers by name; of the class its name alone, for code is not stored."""
        arrays = {f"module.{name}": t.detach().numpy() for name, t in self.module.state_dict().items()}
        if self.spread is not None:
            arrays["spread"] = self.spread
        facts = {"class": class_name(self.module), "output": self.output, "fitted": list(self.fitted)}
        return State({**arrays, "inputs": self.inputs}, facts)

    @classmethod
    def from_state(cls, state: State, module: nn.Module | None = None) -> "ModuleLearner":
        """The learner of a state, in a copy of a module of the same architecture; `InputError` without
        one."""
        expected = state.facts["class"]
        if module is None:
            raise InputError(
                f"learner: the file holds the weights of a torch module of class {expected}, not its code; "
                "give a module like it, with any weights: load_series(path, learner=module)."
            )
        weights = {n.removeprefix("module."): a for n, a in state.arrays.items() if n.startswith("module.")}
        own = in_double(module)
        try:
            own.load_state_dict({name: torch.from_numpy(np.array(array)) for name, array in weights.items()})
        except RuntimeError as error:
            raise InputError(
                f"learner: the file's weights, of a {expected}, do not fit the module given: {reason(error)}"
            ) from None
        facts, spread = state.facts, state.arrays.get("spread")
        return cls(own, state.arrays["inputs"], facts["output"], spread, tuple(facts["fitted"]))

    @classmethod
    def begin(cls, problem: Problem, task: Task, config: Config) -> "ModuleFit":
        module = initial_module(task, None if not config.warm_start else _before(task), config.module)
        require_module(module, task.cells, task.degree, task.rounds)
        device = torch.device(task.device)
        model = ModuleRemainder(module.to(device), task.degree, task.cells)
        fit = ModuleFit(model, problem.to(device), settings(task, config))
        fit.seed = task.seed
        return fit

    @classmethod
    def most_steps(cls, config: Config, number: int) -> int:
        return per_round(config.steps, number)

    @classmethod
    def weight_count(cls, cells: int, config: Config) -> int | None:
        if not config.held:
            return None
        return sum(weight.numel() for weight in config.module.parameters() if weight.requires_grad)

    @classmethod
    def memory(cls, rows: int, task: Task, config: Config, *, slopes: int = 0) -> float:
        return LevenbergMarquardt.step_bytes(
            rows, cls.weight_count(task.cells, config) or 0, slopes=slopes > 0
        )

    def _base(self, at: np.ndarray | None) -> Tensor:
        return torch.from_numpy(np.zeros(len(self.inputs)) if at is None else np.array(at, dtype=float))


class ModuleFit(Fit):
    """The training loop of a module."""

    model: ModuleRemainder
    seed: int = 0

    def learned(self) -> ModuleLearner:
        spread = weight_spread(self.model, self.problem, self.seed, self.optimizer)
        cells = self.problem.training.inputs.shape[1]
        return ModuleLearner(
            self.model.module.to("cpu"), np.ones(cells), spread=spread, fitted=self.model.fitted
        )


def _before(task: Task) -> nn.Module | None:
    if task.before is None:
        return None
    assert isinstance(task.before, ModuleLearner)
    return task.before.module


def _terms(function: Function, U: np.ndarray, order: int, at: np.ndarray | None) -> Tensor:
    base = None if at is None else torch.from_numpy(np.array(at, dtype=float))
    return torch.cat([taylor(function, block, order, base) for block in _blocks(U)], dim=1)


def _entries(function: Function, base: Tensor, order: int) -> Tensor:
    """The packed derivative tensor: one entry per multiset of indices."""
    unit = torch.eye(len(base), dtype=torch.float64)
    entries = []
    for block in torch.from_numpy(multisets(len(base), order).astype(np.int64)).split(_ROWS):
        at_each = base.expand(len(block), -1).clone()
        entries.append(mixed(function, at_each, [unit[place] for place in block.unbind(1)]))
    return torch.cat(entries)


def _blocks(U: np.ndarray) -> Iterator[Tensor]:
    U = np.ascontiguousarray(U, dtype=float)
    return (torch.from_numpy(U[start : start + _ROWS]) for start in range(0, max(1, len(U)), _ROWS))
