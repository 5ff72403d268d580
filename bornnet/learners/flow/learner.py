"""The flow as a learner: fitted in rounds, and with a Taylor series on any number of cells."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from torch.nn.utils import parameters_to_vector

from ...errors import InputError
from ...networks.packed import unpack
from ...training.levenberg_marquardt import LevenbergMarquardt
from ...training.problem import Problem
from ..base import Fit, Learner, LeftBy, Scaling, State, Task
from ..stepwise import per_round
from . import accuracy, jets, tensors, uncertainty
from .config import Config as FlowConfig
from .law import FlowLaw, has_law
from .model import Flow
from .remainder import FlowRemainder

_ROWS = 2048  # potentials whose Jacobian is made at once


class FlowLearner(Learner):
    """A flow from potentials ``(N, D)``, D any number of equal cells, to outputs.

    Attributes:
        flow: the network.
        spread: a factor F ``(weights, K)`` of the weights' covariance ``F F^T``, where one is known: what
            uncertainties are made of.
        reach: ``(2, k)``, the lowest and highest states of the fit, where they are known.
    """

    kind: ClassVar[str] = "flow"
    any_cells = True

    def __init__(self, flow: Flow, spread: np.ndarray | None = None, reach: np.ndarray | None = None) -> None:
        self.flow = flow
        self.reach = reach
        weights = sum(p.numel() for p in flow.parameters())
        if spread is not None and (spread.ndim != 2 or len(spread) != weights):
            raise InputError(f"spread: expected ({weights}, K), got {spread.shape}")
        self.spread = spread

    def __call__(self, U: np.ndarray) -> np.ndarray:
        return self.values(U)

    def values(self, U: np.ndarray, edges: Any = None, tolerance: float | None = None) -> np.ndarray:
        """Values ``(N,)`` on equal or given cells, to a tolerance if one is given (`accuracy.values`)."""
        return accuracy.values(self.flow, U, edges, tolerance)

    def taylor_terms(
        self, U: np.ndarray, order: int, at: np.ndarray | None = None, edges: Any = None
    ) -> np.ndarray:
        return jets.taylor_terms(self.flow, U, order, at, edges)

    def derivative_tensor(
        self,
        order: int,
        at: np.ndarray | None = None,
        packed: bool = False,
        cells: int | None = None,
        edges: Any = None,
    ) -> np.ndarray:
        return tensors.derivative_tensor(self.flow, order, at, packed, cells, edges)

    def uncertainty(
        self, order: int, at: np.ndarray | None = None, cells: int | None = None
    ) -> np.ndarray | None:
        if self.spread is None:
            return None
        variance: np.ndarray | float = 0.0
        for change in uncertainty.tensor_derivatives(self.flow, order, self.spread.T, at, cells):
            variance = variance + change**2
        return unpack(np.sqrt(variance), len(at) if at is not None else int(cells or 0), order)

    def terms_uncertainty(self, U: np.ndarray, order: int, at: np.ndarray | None = None) -> np.ndarray | None:
        if self.spread is None:
            return None
        changes = uncertainty.term_derivatives(self.flow, U, order, self.spread.T, at)
        return np.sqrt(np.sum(changes**2, axis=2))

    def value_uncertainty(self, U: np.ndarray) -> np.ndarray | None:
        if self.spread is None:
            return None
        without_origin = FlowRemainder(self.flow, degree=1)
        blocks = torch.from_numpy(np.ascontiguousarray(U, dtype=float)).split(_ROWS)
        jacobians = (without_origin.value_and_jacobian(block)[1].numpy() for block in blocks)
        return np.concatenate([np.linalg.norm(jacobian @ self.spread, axis=1) for jacobian in jacobians])

    def law(self) -> FlowLaw | None:
        """What drives the output along r; None for a general drive."""
        return FlowLaw(self.flow) if has_law(self.flow) else None

    def truncation(self, U: np.ndarray) -> np.ndarray:
        """Estimated error ``(N,)`` of the values by the steps' finite length."""
        return accuracy.truncation(self.flow, U)

    @property
    def carries_through(self) -> bool:
        """An angle or an inverse is finite where the observable is not."""
        return self.flow.state != "value"

    def outside(self, U: np.ndarray) -> list[str | None]:
        """Why potentials ``(N, cells)`` have no value: a state that leaves those of the fit by more than the
        whole of their width, or all bounds."""
        low, high = accuracy.extent(self.flow, U)
        if self.reach is None:
            lowest, highest = np.full((2, 1), [[-accuracy.LARGEST], [accuracy.LARGEST]])
        else:
            width = self.reach[1] - self.reach[0]
            lowest, highest = self.reach[0] - width, self.reach[1] + width
        inside = np.all((low >= lowest) & (high <= highest), axis=1).tolist()
        where = "all bounds" if self.reach is None else "those of the fit by more than their own range"
        return [None if row else f"the state along r leaves {where}" for row in inside]

    def weights(self) -> np.ndarray:
        """All weights as one vector, in the order that `uncertainty` counts them."""
        return parameters_to_vector(self.flow.parameters()).detach().numpy().copy()

    def rescaled(self, inputs: np.ndarray, output: float) -> "FlowLearner":
        """``U -> output * f(inputs * U)``; all of ``inputs (D,)`` must be equal, or ``InputError``."""
        return FlowLearner(self.flow.rescaled(inputs, output), self.spread, self.reach)

    @classmethod
    def scaling(cls, spread: np.ndarray, output: float, integral: float, config: Any) -> Scaling:
        """One factor for all cells, so that a flow means the same on any: the integral of the scaled
        potential is one strength for the typical potential."""
        return Scaling(np.full(len(spread), 1 / (integral or 1.0)), output)

    @classmethod
    def begin(cls, problem: Problem, task: Task, config: FlowConfig) -> Fit:
        from .fit import begin  # which gives learners of this class

        return begin(problem, task, config)

    @classmethod
    def check(cls, config: FlowConfig, *, noisy: bool, left_by: LeftBy | None = None) -> None:
        if left_by == "rounds" and config.components == 1:
            raise InputError(
                "components: a flow of one component cannot follow what earlier rounds leave with "
                "lower_orders = corrected: all of its orders grow from the first, which is gone there; take "
                "lower_orders = removed, or components = 2"
            )
        if config.ease is None or not config.ease[1]:
            return
        if config.optimizer != "levenberg-marquardt":
            raise InputError(
                f"ease: a penalty needs the optimizer 'levenberg-marquardt', got {config.optimizer!r}"
            )
        if noisy:
            raise InputError(
                "ease: values with errors are fitted under a prior, which the evidence chooses, and take no "
                "penalty beside it; leave --ease out"
            )

    @classmethod
    def most_steps(cls, config: FlowConfig, number: int) -> int:
        return per_round(config.steps, number)

    @classmethod
    def weight_count(cls, cells: int, config: FlowConfig) -> int:
        """Weights of a flow of those settings."""
        return sum(p.numel() for p in flow_of(config).parameters())

    @classmethod
    def least_rows(cls, cells: int, config: FlowConfig) -> int:
        return 2

    @classmethod
    def rows_fitted(cls, rows: int, config: FlowConfig) -> int:
        return min(rows, config.fit_rows or rows)

    @classmethod
    def memory(cls, rows: int, task: Task, config: FlowConfig, *, slopes: int = 0) -> float:
        fitted, weights = cls.rows_fitted(rows, config), cls.weight_count(task.cells, config)
        return LevenbergMarquardt.step_bytes(fitted, weights, slopes=slopes > 0)

    def state(self) -> State:
        arrays = {name: p.detach().numpy(force=True).copy() for name, p in self.flow.named_parameters()}
        if self.spread is not None:
            arrays["spread"] = self.spread.copy()
        if self.reach is not None:
            arrays["reach"] = self.reach.copy()
        return State(arrays, self.flow.architecture())

    @classmethod
    def from_state(cls, state: State) -> "FlowLearner":
        arrays = dict(state.arrays)
        spread, reach = arrays.pop("spread", None), arrays.pop("reach", None)
        flow = Flow(**_arguments(state.facts))
        with torch.no_grad():
            own = dict(flow.named_parameters())
            if own.keys() != arrays.keys():
                raise KeyError(f"expected the weights {sorted(own)}, got {sorted(arrays)}")
            for name, array in arrays.items():
                if own[name].shape != array.shape:
                    raise ValueError(f"{name}: expected {tuple(own[name].shape)}, got {array.shape}")
                own[name].copy_(torch.from_numpy(np.array(array, dtype=float)))
        return cls(flow, spread, reach)


def _arguments(facts: Mapping[str, Any]) -> dict[str, Any]:
    names = Flow((1,)).architecture().keys()
    return {name: facts[name] for name in names}


def flow_of(config: FlowConfig, generator: torch.Generator | None = None) -> Flow:
    """A flow of these settings, its first weights drawn from the generator."""
    return Flow(
        config.hidden,
        config.activation,
        components=config.components,
        drive=config.drive,
        readout=config.readout,
        state=config.state,
        integrator=config.integrator,
        substeps=config.substeps or 1,
        generator=generator,
    )
