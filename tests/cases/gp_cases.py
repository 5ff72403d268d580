"""Slow twins of the Gaussian process."""

from collections.abc import Callable

import numpy as np
import torch


def nested_derivatives(f: Callable, point: np.ndarray, highest: int) -> list[np.ndarray]:
    """The derivative tensors of orders 0 to `highest`, by differentiating what was differentiated."""
    U = torch.from_numpy(point.copy()).requires_grad_()
    entries = [f(U)]
    found = [entries[0].detach().numpy()]
    for order in range(1, highest + 1):
        slopes = [torch.autograd.grad(entry, U, create_graph=True)[0] for entry in entries]
        entries = [slope for row in slopes for slope in row]
        found.append(torch.stack(entries).detach().numpy().reshape((len(point),) * order))
    return found
