"""A learned Born series: terms of every order that predict, contract and compare like the exact ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import factorial
from typing import Protocol

import numpy as np
import torch

from ..errors import InputError
from ..networks.derivatives import derivative_tensor
from ..networks.jets import taylor_terms
from ..networks.mlp import MLP

_ROWS = 8192  # potentials whose gradients are taken at once


class Series(Protocol):
    """Terms homogeneous in the potential, order by order."""

    def kernel(self, order: int) -> np.ndarray:
        """The symmetric coefficient tensor of that order at U = 0, ``(cells,) * order``."""
        ...

    def terms(self, potentials: np.ndarray, order: int) -> np.ndarray:
        """``(order, N)``: row n-1 is the order-n term of each potential ``(N, cells)``."""
        ...


@dataclass(frozen=True)
class LearnedSeries:
    """The Born series that the networks of one member have learned, in units of the range.

    Order n is the order-n Taylor term, at U = 0, of the network of round n; orders beyond the last round are
    those of the last network. Where later rounds correct (``corrected``), the same term of every later
    network is added.

    Attributes:
        networks: round 1, 2, .. in physical units: U in, scattering length out.
        corrected: whether later rounds correct the earlier orders.
    """

    networks: tuple[MLP, ...]
    corrected: bool = False

    def sources(self, order: int) -> Sequence[MLP]:
        """The networks whose order-n Taylor terms make up order n."""
        first = min(order, len(self.networks)) - 1
        return self.networks[first:] if self.corrected else self.networks[first : first + 1]

    def kernel(self, order: int) -> np.ndarray:
        with torch.no_grad():
            tensors = [derivative_tensor(network, order).cpu().numpy() for network in self.sources(order)]
        return np.sum(tensors, axis=0) / factorial(order)

    def terms(self, potentials: np.ndarray, order: int) -> np.ndarray:
        potentials = np.asarray(potentials, dtype=float)
        rows = np.zeros((order, len(potentials)))
        for network in self.networks:
            orders = [n for n in range(1, order + 1) if any(network is s for s in self.sources(n))]
            if orders:
                taylor = taylor_terms(network, potentials, max(orders))
                for n in orders:
                    rows[n - 1] += taylor[n]
        return rows

    def gradient(self, potentials: np.ndarray, order: int) -> np.ndarray:
        """``(N, cells)``: the gradient in the potential of the sum of the terms through ``order``."""
        potentials = np.asarray(potentials, dtype=float)
        total = np.zeros_like(potentials)
        for network in self.networks:
            orders = [n for n in range(1, order + 1) if any(network is s for s in self.sources(n))]
            if not orders:
                continue
            for start in range(0, len(potentials), _ROWS):
                block = torch.tensor(potentials[start : start + _ROWS], requires_grad=True)
                terms = taylor_terms(network, block, max(orders))[orders]
                total[start : start + _ROWS] += torch.autograd.grad(terms.sum(), block)[0].numpy()
        return total

    def through(self, order: int) -> "LearnedSeries":
        """The learned Born approximation of that order as a series of its own, one network an order.

        Raises ``InputError`` where there are fewer rounds.
        """
        if not 1 <= order <= len(self.networks):
            raise InputError(f"there are {len(self.networks)} rounds, so orders 1 to that; got {order}.")
        return LearnedSeries(self.networks[:order], self.corrected)

    def predict(self, potentials: np.ndarray, order: int | None = None) -> np.ndarray:
        """The learned Born approximation ``(N,)``: the sum of the terms through ``order`` (the rounds)."""
        return self.terms(potentials, order or len(self.networks)).sum(axis=0)
