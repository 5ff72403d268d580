"""The compiled steps of a flow, and their adjoint, for blocks of potentials.

The derivative is that of the discrete steps, by the adjoint of the Runge-Kutta method: with lambda the
derivative of what is wanted by the state behind a step,

    kappa_i = h b_i lambda + h sum_(j>i) a_ji eta_j,   eta_i = (dF/ds)^T kappa_i,
    lambda <- lambda + sum eta_i,

and every stage adds (dF/dw)^T kappa_i to the derivative by the weights.

All arrays have the potentials of a block along their last axis.
"""

import numpy as np

from ...compute.compiled import njit
from .compiled_activations import activate, inlined

kernel = njit(nogil=True, cache=True, fastmath={"contract"}, error_model="numpy")


@kernel
def states_kernel(x, start, stop, w, widths, kind, general, a, b, c, edges, substeps, lanes, out):
    """States at the end ``out (batch, 1, k)``, or at 0 and at the end of every step
    ``(batch, steps + 1, k)``."""
    k = widths[-1]
    whole = out.shape[1] > 1
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
                if whole:
                    for lane in range(used):
                        out[row + lane, cell * substeps + step + 1] = s[:, lane]
        if not whole:
            for lane in range(used):
                out[row + lane, 0] = s[:, lane]


@kernel
def tabulated_kernel(x, start, stop, table, low, inverse, a, b, edges, substeps, lanes, out):
    """The same for one state that is driven linearly, with G from a table (`tables`); NaN where it leaves
    that."""
    stages = np.empty((len(b), lanes))
    s, inner, z, drive, lost = np.zeros((5, lanes))
    piece = np.zeros(lanes, np.int64)
    pieces, powers = table.shape[2:]
    for block in range(start, stop):
        row = block * lanes
        used = min(lanes, len(x) - row)
        s[:] = 0.0
        lost[:] = 0.0
        for cell in range(x.shape[1]):
            for lane in range(used):
                drive[lane] = x[row + lane, cell]
            h = (edges[cell + 1] - edges[cell]) / substeps
            for step in range(cell * substeps, (cell + 1) * substeps):
                for i in range(len(b)):
                    inner[:] = s
                    for j in range(i):
                        _add(h * a[i, j], stages[j], inner)
                    for lane in range(lanes):
                        u = (inner[lane] - low) * inverse
                        inside = u if u > 0.0 else 0.0
                        inside = inside if inside < pieces - 1 else pieces - 1.0
                        piece[lane] = np.int64(inside)
                        z[lane] = 2.0 * (u - piece[lane]) - 1.0
                        lost[lane] += 1.0 if not abs(z[lane]) <= 1.0 else 0.0
                    here = table[step, i].reshape(-1)
                    for lane in range(lanes):
                        first = piece[lane] * powers
                        g = here[first + powers - 1]
                        for p in range(first + powers - 2, first - 1, -1):
                            g = g * z[lane] + here[p]
                        stages[i, lane] = g * drive[lane]
                for i in range(len(b)):
                    _add(h * b[i], stages[i], s)
        for lane in range(used):
            out[row + lane, 0] = s[lane] if lost[lane] == 0.0 else np.nan


@kernel
def adjoint_kernel(
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


@inlined
def _layers(stages, widths, lanes):
    """Room for the inputs of all layers, and the slopes of the activations, of so many stages."""
    shape = (stages, len(widths), widths.max(), lanes)
    return np.zeros(shape), np.zeros(shape)


@inlined
def _add(factor, u, z):
    """``z += factor u``."""
    if factor != 0.0:
        for lane in range(len(z)):
            z[lane] += factor * u[lane]


@inlined
def _scale(factor, z):
    for lane in range(len(z)):
        z[lane] *= factor


@inlined
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


@inlined
def _advance(h, s, stages, b):
    for i in range(len(b)):
        for m in range(len(s)):
            _add(h * b[i], stages[i, m], s[m])


@inlined
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


@inlined
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
