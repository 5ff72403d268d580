"""The derivative engine against autodiff: time, peak memory and agreement, on one thread in double precision.

    python tests/benchmarks/derivatives.py [--depth 3] [--activation tanh] [--case 2] [--peer-python PYTHON]
    python tests/benchmarks/derivatives.py --plot scaling.svg

Peers: nested jacfwd over jacrev in jitted JAX and in torch.func for full tensors; jitted jax.experimental.jet
and jet-for-pytorch for directional terms. They come with `pip install 'bornnet[bench]'`, into this Python or
into PYTHON; one that is missing, or lacks a case, is reported with the reason.

Each case runs in a process of its own, so that peak memory is its own; the weights are the same in all, and
JAX has them compiled in. "set-up" is what the first call costs beyond a later one: compilation in JAX,
loading or compiling kernels in bornnet. "added" is peak memory beyond that before the first call, "in all"
that of the whole process. "agrees to" is the largest difference over the largest entry, row by row for
directional terms. OpenBLAS uses AVX-512 where the processor has it, as in bornnet's commands;
OPENBLAS_CORETYPE overrides.
"""

import argparse
import itertools
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

INPUTS, WIDTH = 64, 64
DIRECTIONS, JET_ORDER = 100_000, 8
CASES = ["1", "2", "3", "4", "5 packed", "jet"]
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "JAX_PLATFORMS": "cpu",
}


def weights(depth, inputs=INPUTS, width=WIDTH):
    """``[(W, b), ..]`` of a network with ``depth`` hidden layers, the same for every engine."""
    import numpy as np

    random = np.random.default_rng(0)
    sizes = [inputs, *[width] * depth, 1]
    return [
        (random.normal(size=(out, fan)) / math.sqrt(fan), 0.3 * random.normal(size=out))
        for fan, out in itertools.pairwise(sizes)
    ]


def directions():
    import numpy as np

    return 0.1 * np.random.default_rng(1).normal(size=(DIRECTIONS, INPUTS))


def torch_model(depth, activation, inputs=INPUTS, width=WIDTH):
    import torch

    torch.set_num_threads(1)
    modules = []
    for weight, bias in weights(depth, inputs, width):
        linear = torch.nn.Linear(*weight.shape[::-1], dtype=torch.float64)
        linear.weight.data, linear.bias.data = torch.from_numpy(weight), torch.from_numpy(bias)
        modules += [linear, torch.nn.Tanh() if activation == "tanh" else torch.nn.GELU()]
    return torch.nn.Sequential(*modules[:-1])


def bornnet_case(depth, activation, what):
    import torch

    from bornnet.networks.derivatives import derivative_tensor
    from bornnet.networks.jets import taylor_terms

    model = torch_model(depth, activation)
    if what == "jet":
        x = directions()
        return lambda: taylor_terms(model, x, JET_ORDER)
    order, packed = (5, True) if what == "5 packed" else (int(what), False)
    at = torch.zeros(INPUTS, dtype=torch.float64)
    return lambda: derivative_tensor(model, order, at, packed=packed).numpy()


def torch_func_case(depth, activation, what):
    import torch

    if not what.isdigit():
        return None
    model = torch_model(depth, activation).requires_grad_(False)
    derivative = torch.func.jacrev(lambda x: model(x).squeeze(-1))
    for _ in range(int(what) - 1):
        derivative = torch.func.jacfwd(derivative)
    at = torch.zeros(INPUTS, dtype=torch.float64)
    return lambda: derivative(at).numpy()


def jax_case(depth, activation, what):
    import jax
    import jax.numpy as jnp
    import numpy as np

    jax.config.update("jax_enable_x64", True)
    parameters = weights(depth)
    sigma = jnp.tanh if activation == "tanh" else lambda z: jax.nn.gelu(z, approximate=False)

    def f(x):
        for weight, bias in parameters[:-1]:
            x = sigma(weight @ x + bias)
        return (parameters[-1][0] @ x + parameters[-1][1])[0]

    if what == "jet":
        from jax.experimental import jet

        def terms(x):
            series = (x, *[jnp.zeros_like(x)] * (JET_ORDER - 1))
            value, higher = jet.jet(f, (jnp.zeros_like(x),), (series,))
            return jnp.stack([value, *(term / math.factorial(n) for n, term in enumerate(higher, start=1))])

        compiled, x = jax.jit(jax.vmap(terms, out_axes=1)), jnp.asarray(directions())
    elif what.isdigit():
        derivative = jax.jacrev(f)
        for _ in range(int(what) - 1):
            derivative = jax.jacfwd(derivative)
        compiled, x = jax.jit(derivative), jnp.zeros(INPUTS)
    else:
        return None
    return lambda: np.asarray(compiled(x))


def jet_for_pytorch_case(depth, activation, what):
    if what != "jet":
        return None
    import torch
    from jet import jet

    model, x = torch_model(depth, activation).requires_grad_(False), torch.from_numpy(directions())
    at = torch.zeros_like(x)
    f = jet(model, (at,))
    factorials = torch.tensor([math.factorial(n) for n in range(JET_ORDER + 1)])[:, None]
    return lambda: (torch.stack(f((at, x, *[at] * (JET_ORDER - 1)))).squeeze(-1) / factorials).numpy()


ENGINES = {
    "bornnet": bornnet_case,
    "jax": jax_case,
    "torch.func": torch_func_case,
    "jet-for-pytorch": jet_for_pytorch_case,
}


def run_case(engine, depth, activation, what, result_file):
    """One case in this process: best seconds a call, set-up seconds, peak bytes; the result into a file."""
    import numpy as np

    try:
        call = ENGINES[engine](depth, activation, what)
    except ImportError as error:
        return {"error": f"not installed ({error.name}): pip install 'bornnet[bench]'"}
    except SyntaxError:
        return {"error": f"does not run on Python {sys.version_info.major}.{sys.version_info.minor}"}
    except NotImplementedError as error:
        return {"error": f"cannot: {str(error).splitlines()[0]}"}
    if call is None:
        return {"error": "not available"}
    before = peak_bytes()
    start = time.perf_counter()
    result = call()
    first = time.perf_counter() - start
    peak = peak_bytes()
    np.save(result_file, result)
    del result
    times = []
    while not times or (sum(times) < 60 and (len(times) < 3 or (sum(times) < 1 and len(times) < 2000))):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    best = min(times)
    return {
        "seconds": best,
        "setup": max(0.0, first - best),
        "added": peak - before,
        "peak": peak,
    }


def peak_bytes():
    """Of this process alone; getrusage's peak starts from that of the process before exec."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def isolated(python, *case):
    from bornnet.cli.processor import prefer_wide_kernels  # here, since a peer's Python may lack bornnet

    prefer_wide_kernels()
    environment = {**os.environ, **ONE_THREAD}
    command = [python, __file__, "--in-this-process", *map(str, case)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["failed"]
        return {"error": next((line for line in reversed(lines) if "Error:" in line), lines[-1])[:90]}
    return json.loads(done.stdout.splitlines()[-1])


def compare(python, depths, activations, cases):
    print(f"{'network':<19}{'case':<10}{'engine':<16}{'time':>13}{'x bornnet':>11}{'set-up':>9}", end="")
    print(f"{'added':>10}{'in all':>9}{'agrees to':>11}")
    with tempfile.TemporaryDirectory() as folder:
        for depth, activation, what in itertools.product(depths, activations, cases):
            compare_case(python, depth, activation, what, Path(folder))


def compare_case(python, depth, activation, what, folder):
    ours = None
    for engine in ENGINES:
        file = folder / f"{engine}.npy"
        found = isolated(
            sys.executable if engine == "bornnet" else python, engine, depth, activation, what, file
        )
        head = f"{f'{INPUTS}-{depth}x{WIDTH}-1 {activation}':<19}{what:<10}{engine:<16}"
        if "error" in found:
            if found["error"] != "not available":
                print(f"{head}{found['error']}", flush=True)
            continue
        ours = ours or found
        agreement = (
            "" if found is ours else format(relative_difference(folder / "bornnet.npy", file, what), "11.1e")
        )
        print(
            f"{head}{1e3 * found['seconds']:10.3f} ms{found['seconds'] / ours['seconds']:11.2f}"
            f"{found['setup']:7.2f} s{found['added'] / 1e9:7.3f} GB{found['peak'] / 1e9:6.2f} GB{agreement}",
            flush=True,
        )


def relative_difference(ours, theirs, what):
    """Largest difference over largest entry; of directional terms the worst order's."""
    import numpy as np

    ours, theirs = np.load(ours), np.load(theirs)
    rows = zip(ours, theirs, strict=True) if what == "jet" else [(ours, theirs)]
    return max(np.abs(a - b).max() / np.abs(b).max() for a, b in rows)


def best_time(call):
    call()
    times = []
    while len(times) < 3 or (sum(times) < 0.3 and len(times) < 200):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def scaling(path):
    """Cost of packed tensors against order, inputs, width and depth, with the expected power beside each."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    from bornnet.networks.derivatives import derivative_tensor
    from bornnet.networks.packed import packed_size

    def seconds(order, inputs, width, depth):
        model = torch_model(depth, "tanh", inputs, width)
        return best_time(lambda: derivative_tensor(model, order, packed=True))

    orders, sizes = (1, 2, 3, 4, 5), (16, 24, 32, 48, 64)
    widths, depths = (16, 32, 64, 128, 256), (1, 2, 4, 8)
    panels = [
        ("order", orders, [seconds(n, 32, 64, 3) for n in orders],
         [packed_size(32, n) for n in orders], "number of entries"),
        ("inputs (order 4)", sizes, [seconds(4, d, 64, 3) for d in sizes], [d**4 for d in sizes], "inputs⁴"),
        ("width (order 4, 32 inputs)", widths, [seconds(4, 32, w, 3) for w in widths], list(widths), "width"),
        ("hidden layers of 64 (order 4, 32 inputs)", depths, [seconds(4, 32, 64, n) for n in depths],
         [2 * n - 1 for n in depths], "2 layers - 1"),
    ]  # fmt: skip
    figure, axes = plt.subplots(1, 4, figsize=(13, 3.2), sharey=True, constrained_layout=True)
    for axis, (name, x, cost, law, label) in zip(axes, panels, strict=True):
        scale = cost[-1] / law[-1]
        axis.loglog(x, [1e3 * c for c in cost], "o-", label="measured")
        axis.loglog(x, [1e3 * scale * v for v in law], "--", color="0.5", label=f"∝ {label}")
        axis.set_xlabel(name)
        axis.set_xticks(x, [str(v) for v in x])
        axis.xaxis.minorticks_off()
        axis.grid(alpha=0.3)
        axis.legend(frameon=False)
        print(f"{name}: " + ", ".join(f"{v}: {1e3 * c:.3g} ms" for v, c in zip(x, cost, strict=True)))
    axes[0].set_ylabel("milliseconds, one thread")
    figure.savefig(path, dpi=110)
    print(f"wrote {path}")


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--depth", nargs="+", type=int, default=[3, 5], help="hidden layers")
    parser.add_argument("--activation", nargs="+", choices=["tanh", "gelu"], default=["tanh", "gelu"])
    parser.add_argument("--case", nargs="+", choices=CASES, default=CASES, help="order, or jet")
    parser.add_argument("--peer-python", default=sys.executable, help="interpreter that has the peers")
    parser.add_argument("--plot", help="measure how the cost scales instead, and draw it into this file")
    parser.add_argument("--in-this-process", nargs=5, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.in_this_process:
        engine, depth, activation, what, file = options.in_this_process
        print(json.dumps(run_case(engine, int(depth), activation, what, file)))
    elif options.plot:
        os.environ.update(ONE_THREAD)
        scaling(options.plot)
    else:
        compare(options.peer_python, options.depth, options.activation, options.case)


if __name__ == "__main__":
    main()
