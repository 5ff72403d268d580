"""A flow's final states, and their derivatives by the weights, in compiled code over blocks of potentials.

Each block of potentials lies in the lanes of the processor's vectors (`kernels`); blocks are shared out to
threads, and results do not depend on how many.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils import parameters_to_vector

from .compiled_activations import KINDS
from .kernels import adjoint_kernel, states_kernel, tabulated_kernel
from .tables import Table, is_worthwhile, table_of

if TYPE_CHECKING:
    from .model import Flow

LANES = 32  # potentials that go together
_MARGIN = 0.2  # of a table, beyond the states of the strongest potentials


def can_run(flow: "Flow", potentials: Tensor) -> bool:
    """Whether the compiled code takes this flow and these potentials."""
    return (
        flow.activation in KINDS and potentials.device.type == "cpu" and potentials.dtype == torch.float64
    ) and next(flow.parameters()).dtype == torch.float64


def final_states(flow: "Flow", potentials: Tensor, edges: np.ndarray) -> Tensor:
    """States ``(batch, k)`` at the end, differentiable by the weights (not by the potentials)."""
    vector = parameters_to_vector(flow.layers.parameters())
    return _FinalStates.apply(vector, FlowProblem(flow, potentials, edges))


@torch.no_grad()
def many_final_states(flow: "Flow", potentials: Tensor, edges: np.ndarray) -> Tensor:
    """The same without derivatives, to rounding; for many potentials with tables, in a fraction of the
    time."""
    if not is_worthwhile(flow, potentials):
        return final_states(flow, potentials, edges)
    # to first order a state ends at the integral of U r^2: the strongest potentials tell the range
    moments = (potentials @ torch.from_numpy(np.diff(edges**3))).abs()
    ends = final_states(flow, potentials[moments.topk(LANES).indices], edges).flatten()
    low, high = min(0.0, float(ends.min())), max(0.0, float(ends.max()))
    table = table_of(flow, edges, low - _MARGIN * (high - low), high + _MARGIN * (high - low))
    if table is None:
        return final_states(flow, potentials, edges)
    states = FlowProblem(flow, potentials, edges).tabulated(table)
    lost = ~states.isfinite().all(dim=1)
    if lost.any():
        states[lost] = final_states(flow, potentials[lost], edges)
    return states


def paths(flow: "Flow", potentials: Tensor, edges: np.ndarray, substeps: int | None = None) -> Tensor:
    """States ``(batch, steps + 1, k)`` at 0 and at the end of every step, without derivatives."""
    vector = parameters_to_vector(flow.layers.parameters()).detach()
    return FlowProblem(flow, potentials, edges, substeps).paths(vector)


def weight_jacobian(flow: "Flow", potentials: Tensor, edges: np.ndarray, cotangents: Tensor) -> Tensor:
    """``(batch, weights of G)``: the derivatives of ``cotangents (batch, k) . s(1)``, row by row."""
    vector = parameters_to_vector(flow.layers.parameters()).detach()
    return FlowProblem(flow, potentials, edges).jacobian(vector, cotangents)


class FlowProblem:
    """Scaled potentials, and all that the compiled code needs beside the weights."""

    def __init__(
        self, flow: "Flow", potentials: Tensor, edges: np.ndarray, substeps: int | None = None
    ) -> None:
        self.x = np.ascontiguousarray(potentials.detach().numpy()) * flow.factor
        widths = [flow.layers[0].in_features, *flow.hidden, flow.components]
        method = self.method = flow.method
        self.edges, self.substeps = edges, substeps or flow.substeps
        self.k = flow.components
        self.fixed = (
            np.array(widths),
            KINDS[flow.activation],
            flow.drive == "general",
            method.a,
            method.b,
            method.c,
            edges,
            self.substeps,
            LANES,
        )

    def states(self, vector: Tensor) -> Tensor:
        return self._states(vector, 1)[:, 0]

    def paths(self, vector: Tensor) -> Tensor:
        return self._states(vector, self.x.shape[1] * self.substeps + 1)

    def _states(self, vector: Tensor, places: int) -> Tensor:
        out = np.zeros((len(self.x), places, self.k))
        weights = vector.detach().numpy()
        self._shared(lambda start, stop: states_kernel(self.x, start, stop, weights, *self.fixed, out))
        return torch.from_numpy(out)

    def tabulated(self, table: Table) -> Tensor:
        """States ``(batch, 1)`` by a table of G; NaN where they leave it."""
        out = np.empty((len(self.x), 1))
        method, edges, substeps = self.method, self.edges, self.substeps
        self._shared(
            lambda start, stop: tabulated_kernel(
                self.x,
                start,
                stop,
                table.coefficients,
                table.low,
                table.inverse,
                method.a,
                method.b,
                edges,
                substeps,
                LANES,
                out,
            )
        )
        return torch.from_numpy(out)

    def jacobian(self, vector: Tensor, cotangents: Tensor, summed: bool = False) -> Tensor:
        """A row a potential, or one for all of them where ``summed``."""
        rows = -(-len(self.x) // LANES) if summed else len(self.x)
        out = np.empty((rows, len(vector)))
        weights, c = vector.detach().numpy(), np.ascontiguousarray(cotangents.detach().numpy())
        self._shared(
            lambda start, stop: adjoint_kernel(self.x, start, stop, weights, *self.fixed, c, summed, out)
        )
        return torch.from_numpy(out.sum(axis=0) if summed else out)

    def _shared(self, work: Any) -> None:
        """The blocks in as many parts as torch has threads."""
        blocks = -(-len(self.x) // LANES)
        threads = max(1, min(torch.get_num_threads(), blocks))
        bounds = np.linspace(0, blocks, threads + 1).astype(int)
        if threads == 1:
            work(0, blocks)
            return
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, bounds[:-1], bounds[1:]))


class _FinalStates(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, vector: Tensor, problem: FlowProblem) -> Tensor:
        ctx.save_for_backward(vector)
        ctx.problem = problem
        return problem.states(vector)

    @staticmethod
    def backward(ctx: Any, cotangents: Tensor) -> tuple[Tensor, None]:
        (vector,) = ctx.saved_tensors
        return _Pulled.apply(cotangents, vector.detach(), ctx.problem), None


class _Pulled(torch.autograd.Function):
    """``J^T c``, linear in c: its derivative by c along v is ``J v`` (conjugate gradients ask for it)."""

    @staticmethod
    def forward(ctx: Any, cotangents: Tensor, vector: Tensor, problem: FlowProblem) -> Tensor:
        ctx.vector, ctx.problem, ctx.k = vector, problem, cotangents.shape[1]
        return problem.jacobian(vector, cotangents, summed=True)

    @staticmethod
    def backward(ctx: Any, v: Tensor) -> tuple[Tensor, None, None]:
        rows = len(ctx.problem.x)
        columns = []
        for c in range(ctx.k):
            unit = torch.zeros(rows, ctx.k, dtype=torch.float64)
            unit[:, c] = 1
            columns.append(ctx.problem.jacobian(ctx.vector, unit) @ v)
        return torch.stack(columns, dim=1), None, None
