"""The module that a user gives: a copy in double precision, its first weights, and what it must be able to
do."""

from copy import deepcopy

import numpy as np
import torch
from torch import Tensor, nn

from ...errors import InputError
from ..base import Task
from .config import redraw
from .forward import differentiable, taylor
from .remainder import ModuleRemainder


def in_double(module: nn.Module) -> nn.Module:
    """A copy in double precision on the CPU, as it predicts (without dropout)."""
    try:
        return deepcopy(module).to("cpu", torch.float64).eval()
    except Exception as error:
        raise InputError(
            f"learner: the module cannot be copied in double precision: {reason(error)}"
        ) from error


def initial_module(task: Task, before: nn.Module | None, given: nn.Module) -> nn.Module:
    """A copy of the module to start from: of that of the round before, if any.

    Member 0 has the weights that were given; those of the others are drawn anew by ``reset_parameters`` of
    every layer, from the seed.
    """
    if before is not None:
        return in_double(before)
    module = in_double(given)
    if task.member:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(np.random.SeedSequence([task.seed, task.member]).generate_state(1)[0]))
            for layer in module.modules():
                if draw := redraw(layer):
                    draw()
    return module


def require_module(module: nn.Module, cells: int, degree: int, orders: int) -> None:
    """`InputError` where a module does not map ``(batch, cells)`` to ``(batch,)`` row by row, in doubles,
    with gradients of what is left of it from ``degree`` on and with finite Taylor terms through ``orders``.

    User code runs here first, and may raise anything.
    """
    x = 0.05 * torch.rand(3, cells, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    try:
        with torch.no_grad(), differentiable():
            values = module(x)
            alone = [module(row[None]) for row in x]
    except Exception as error:
        raise InputError(
            f"learner: the module fails on doubles of shape (3, {cells}): {reason(error)}"
        ) from error
    if not isinstance(values, Tensor) or values.shape != (3,) or values.dtype != torch.float64:
        found = type(values).__name__
        if isinstance(values, Tensor):
            found = f"{tuple(values.shape)} of {str(values.dtype).removeprefix('torch.')}"
        hint = ""
        if isinstance(values, Tensor) and values.shape == (3, 1):
            hint = " Put nn.Flatten(0) after its last layer."
        raise InputError(
            f"learner: expected a module that takes doubles (3, {cells}) to doubles (3,); got {found}.{hint}"
        )
    if not torch.allclose(torch.cat(alone), values, rtol=1e-6, atol=1e-9):
        raise InputError(
            "learner: expected values row by row; the module's depend on the other rows of a batch, or on "
            "chance."
        )
    try:
        model = ModuleRemainder(module, degree, cells)
        if model.fitted:
            model.value_and_jacobian(x)
        with torch.no_grad():
            terms = taylor(module, x, max(orders, degree, 3))
    except Exception as error:
        raise InputError(
            f"learner: torch cannot differentiate the module as a fit needs it: {reason(error)}"
        ) from error
    if not model.fitted:
        raise InputError("learner: the module has no weights to train that its values depend on.")
    if not torch.isfinite(terms).all():
        order = int(torch.nonzero(~torch.isfinite(terms).all(dim=1))[0])
        raise InputError(
            f"learner: expected a module that is smooth at the base point; its Taylor term of order {order} "
            "there is not finite."
        )
    _require_right(module, x[0], terms[:, 0])


def _require_right(module: nn.Module, x: Tensor, terms: Tensor) -> None:
    """`InputError` where Taylor terms along x are not what differences of the order below give: not every
    layer of torch has right derivatives of higher order."""
    highest, step = len(terms) - 1, 1e-3
    with torch.no_grad():
        up, down = (taylor(module, x[None], highest - 1, sign * step * x)[:, 0] for sign in (1, -1))
    for order in range(1, highest + 1):
        found, expected = float(order * terms[order]), float(up[order - 1] - down[order - 1]) / (2 * step)
        if abs(found - expected) > 1e-3 * abs(expected) + 1e-6 * float(terms.abs().max()):
            raise InputError(
                f"learner: torch's derivative of order {order} of the module is wrong: it is "
                f"{found:.6g} along a potential, by differences {expected:.6g}. One of its layers has no "
                "right derivatives of that order; write it by plain operations."
            )


def reason(error: Exception) -> str:
    """What an error of torch or of the module says, in one line."""
    said = " ".join(str(error).split())
    return f"{type(error).__name__}: {said if len(said) <= 300 else said[:297] + '...'}"
