"""A flow's final states, and their derivatives by the weights, in compiled code over blocks of potentials.

The derivative is that of the discrete steps, by the adjoint of the Runge-Kutta method: with lambda the
derivative of what is wanted by the state behind a step,

    kappa_i = h b_i lambda + h sum_(j>i) a_ji eta_j,   eta_i = (dF/ds)^T kappa_i,   lambda <- lambda + sum eta_i,

and every stage adds (dF/dw)^T kappa_i to the derivative by the weights. Each block of potentials lies in the
lanes of the processor's vectors; blocks are shared out to threads, and results do not depend on how many.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numba import njit
from torch import Tensor
from torch.nn.utils import parameters_to_vector

from .compiled_activations import KINDS, activate
from .compiled_activations import inlined as _inlined

if TYPE_CHECKING:
    from .model import Flow

LANES = 32  # potentials that go together
_kernel = njit(nogil=True, cache=True, fastmath={"contract"}, error_model="numpy")



def can_run(flow: "Flow", potentials: Tensor) -> bool:
    """Whether the compiled code takes this flow and these potentials."""
    return (
        flow.activation in KINDS and potentials.device.type == "cpu" and potentials.dtype == torch.float64
    ) and next(flow.parameters()).dtype == torch.float64


def final_states(flow: "Flow", potentials: Tensor, edges: np.ndarray) -> Tensor:
    """States ``(batch, k)`` at the end, differentiable by the weights (not by the potentials)."""
    vector = parameters_to_vector(flow.layers.parameters())
    return _FinalStates.apply(vector, _Problem(flow, potentials, edges))


def weight_jacobian(flow: "Flow", potentials: Tensor, edges: np.ndarray, cotangents: Tensor) -> Tensor:
    """``(batch, weights of G)``: the derivatives of ``cotangents (batch, k) . s(1)``, row by row."""
    vector = parameters_to_vector(flow.layers.parameters()).detach()
    return _Problem(flow, potentials, edges).jacobian(vector, cotangents)


class _Problem:
    """Scaled potentials, and all that the compiled code needs beside the weights."""

    def __init__(self, flow: "Flow", potentials: Tensor, edges: np.ndarray) -> None:
        self.x = np.ascontiguousarray(potentials.detach().numpy()) * flow.factor
        widths = [flow.layers[0].in_features, *flow.hidden, flow.components]
        method = flow.method
        self.k = flow.components
        self.fixed = (
            np.array(widths),
            KINDS[flow.activation],
            flow.drive == "general",
            method.a,
            method.b,
            method.c,
            edges,
            flow.substeps,
            LANES,
        )

    def states(self, vector: Tensor) -> Tensor:
        out = np.empty((len(self.x), self.k))
        weights = vector.detach().numpy()
        self._shared(lambda start, stop: _states_kernel(self.x, start, stop, weights, *self.fixed, out))
        return torch.from_numpy(out)

    def jacobian(self, vector: Tensor, cotangents: Tensor, summed: bool = False) -> Tensor:
        """A row a potential, or one for all of them where ``summed``."""
        rows = -(-len(self.x) // LANES) if summed else len(self.x)
        out = np.empty((rows, len(vector)))
        weights, c = vector.detach().numpy(), np.ascontiguousarray(cotangents.detach().numpy())
        self._shared(
            lambda start, stop: _adjoint_kernel(self.x, start, stop, weights, *self.fixed, c, summed, out)
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
    def forward(ctx: Any, vector: Tensor, problem: _Problem) -> Tensor:  # type: ignore[override]
        ctx.save_for_backward(vector)
        ctx.problem = problem
        return problem.states(vector)

    @staticmethod
    def backward(ctx: Any, cotangents: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        (vector,) = ctx.saved_tensors
        return _Pulled.apply(cotangents, vector.detach(), ctx.problem), None


class _Pulled(torch.autograd.Function):
    """``J^T c``, linear in c: its derivative by c along v is ``J v`` (conjugate gradients ask for it)."""

    @staticmethod
    def forward(ctx: Any, cotangents: Tensor, vector: Tensor, problem: _Problem) -> Tensor:  # type: ignore[override]
        ctx.vector, ctx.problem, ctx.k = vector, problem, cotangents.shape[1]
        return problem.jacobian(vector, cotangents, summed=True)

    @staticmethod
    def backward(ctx: Any, v: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[override]
        rows = len(ctx.problem.x)
        columns = []
        for c in range(ctx.k):
            unit = torch.zeros(rows, ctx.k, dtype=torch.float64)
            unit[:, c] = 1
            columns.append(ctx.problem.jacobian(ctx.vector, unit) @ v)
        return torch.stack(columns, dim=1), None, None


@_kernel
def _states_kernel(x, start, stop, w, widths, kind, general, a, b, c, edges, substeps, lanes, out):
    k = widths[-1]
    y, slopes = _layers(1, widths, lanes)
    stages = np.empty((len(b), k, lanes))
    s = np.empty((k, lanes))
    drive = np.zeros(lanes)
    for block in range(start, stop):
        row = block * lanes
        used = min(lanes, len(x) - row)
        s[:] = 0.0
        for cell in range(x.shape[1]):
            for lane in range(used):
                drive[lane] = x[row + lane, cell]
            h = (edges[cell + 1] - edges[cell]) / substeps
            for step in range(substeps):
                r = edges[cell] + step * h
                for i in range(len(b)):
                    _stage(i, r, h, s, stages, drive, w, widths, kind, general, a, c, y[0], slopes[0])
                _advance(h, s, stages, b)
        for lane in range(used):
            for m in range(k):
                out[row + lane, m] = s[m, lane]


@_kernel
def _adjoint_kernel(
    x, start, stop, w, widths, kind, general, a, b, c, edges, substeps, lanes, cotangents, summed, out
):
    k = widths[-1]
    cells = x.shape[1]
    y, slopes = _layers(len(b), widths, lanes)
    stages = np.empty((len(b), k, lanes))
    pulled = np.empty((len(b), k, lanes))  # eta
    path = np.empty((cells * substeps + 1, k, lanes))
    adjoint = np.empty((k, lanes))
    delta = np.empty((2, widths.max(), lanes))
    gradient = np.empty((len(w), lanes))
    drive = np.zeros(lanes)
    for block in range(start, stop):
        row = block * lanes
        used = min(lanes, len(x) - row)
        drive[:] = 0.0
        path[0] = 0.0
        n = 0
        for cell in range(cells):
            for lane in range(used):
                drive[lane] = x[row + lane, cell]
            h = (edges[cell + 1] - edges[cell]) / substeps
            for step in range(substeps):
                r = edges[cell] + step * h
                for i in range(len(b)):
                    _stage(i, r, h, path[n], stages, drive, w, widths, kind, general, a, c, y[i], slopes[i])
                path[n + 1] = path[n]
                _advance(h, path[n + 1], stages, b)
                n += 1
        adjoint[:] = 0.0
        for lane in range(used):
            for m in range(k):
                adjoint[m, lane] = cotangents[row + lane, m]
        gradient[:] = 0.0
        for cell in range(cells - 1, -1, -1):
            for lane in range(used):
                drive[lane] = x[row + lane, cell]
            h = (edges[cell + 1] - edges[cell]) / substeps
            for step in range(substeps - 1, -1, -1):
                n -= 1
                r = edges[cell] + step * h
                for i in range(len(b)):
                    _stage(i, r, h, path[n], stages, drive, w, widths, kind, general, a, c, y[i], slopes[i])
                for i in range(len(b) - 1, -1, -1):
                    for m in range(k):
                        delta[0, m] = adjoint[m]
                        _scale(h * b[i], delta[0, m])
                        for j in range(i + 1, len(b)):
                            _add(h * a[j, i], pulled[j, m], delta[0, m])
                        if not general:
                            for lane in range(lanes):
                                delta[0, m, lane] *= drive[lane]
                    _pull_network(w, widths, y[i], slopes[i], delta, gradient)
                    pulled[i] = delta[0, :k]
                for i in range(len(b)):
                    for m in range(k):
                        _add(1.0, pulled[i, m], adjoint[m])
        for p in range(len(w)):
            if summed:
                out[block, p] = gradient[p, :used].sum()
            else:
                for lane in range(used):
                    out[row + lane, p] = gradient[p, lane]


@_inlined
def _layers(stages, widths, lanes):
    """Room for the inputs of all layers, and the slopes of the activations, of so many stages."""
    shape = (stages, len(widths), widths.max(), lanes)
    return np.zeros(shape), np.zeros(shape)


@_inlined
def _add(factor, u, z):
    """``z += factor u``."""
    if factor != 0.0:
        for lane in range(len(z)):
            z[lane] += factor * u[lane]


@_inlined
def _scale(factor, z):
    for lane in range(len(z)):
        z[lane] *= factor


@_inlined
def _stage(i, r, h, s, stages, drive, w, widths, kind, general, a, c, y, slopes):
    """``stages[i] = F(s + h sum_j a_ij stages[j], r + c_i h)``."""
    k = widths[-1]
    for m in range(k):
        y[0, m] = s[m]
        for j in range(i):
            _add(h * a[i, j], stages[j, m], y[0, m])
    y[0, k] = r + c[i] * h
    if general:
        y[0, k + 1] = drive
    _network(w, widths, kind, y, slopes)
    last = len(widths) - 1
    for m in range(k):
        stages[i, m] = y[last, m]
        if not general:
            for lane in range(len(drive)):
                stages[i, m, lane] *= drive[lane]


@_inlined
def _advance(h, s, stages, b):
    for i in range(len(b)):
        for m in range(len(s)):
            _add(h * b[i], stages[i, m], s[m])


@_inlined
def _network(w, widths, kind, y, slopes):
    """All layers of G: ``y[l]`` is the input of layer l, and ``slopes[l]`` the activation's slope there."""
    offset = 0
    last = len(widths) - 2
    for l in range(last + 1):
        fan_in, width = widths[l], widths[l + 1]
        bias = offset + fan_in * width
        for j in range(width):
            z = y[l + 1, j]
            z[:] = w[bias + j]
            row = w[offset + j * fan_in : offset + (j + 1) * fan_in]
            for i in range(1, fan_in, 2):  # two at a time, to load and store the sums half as often
                first, second, u, v = row[i - 1], row[i], y[l, i - 1], y[l, i]
                for lane in range(len(z)):
                    z[lane] += first * u[lane] + second * v[lane]
            if fan_in % 2:
                _add(row[fan_in - 1], y[l, fan_in - 1], z)
        offset = bias + width
        if l < last:
            activate(kind, y[l + 1, :width].reshape(-1), slopes[l + 1, :width].reshape(-1))


@_inlined
def _pull_network(w, widths, y, slopes, delta, gradient):
    """From ``delta[0]`` at the output to that at the input; adds the weights' derivatives to ``gradient``."""
    offset = len(w)
    for l in range(len(widths) - 2, -1, -1):
        fan_in, width = widths[l], widths[l + 1]
        bias = offset - width
        offset = bias - fan_in * width
        below = delta[1]
        below[:fan_in] = 0.0
        for j in range(width):
            above = delta[0, j]
            _add(1.0, above, gradient[bias + j])
            for i in range(fan_in):
                p = offset + j * fan_in + i
                weight, g, u, v = w[p], gradient[p], y[l, i], below[i]
                for lane in range(len(above)):
                    g[lane] += above[lane] * u[lane]
                    v[lane] += weight * above[lane]
        delta[0, :fan_in] = below[:fan_in]
        if l:
            for i in range(fan_in):
                for lane in range(below.shape[1]):
                    delta[0, i, lane] *= slopes[l, i, lane]
