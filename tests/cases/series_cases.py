"""Series and data that the perturbation tests share."""

import numpy as np
import torch

from bornnet import born_kernel, born_terms, scattering_length, weinberg_eigenvalue
from bornnet.datasets.labelled import Labelled
from bornnet.learners.mlp.perceptron import Perceptron
from bornnet.networks.mlp import MLP


class BornSeries:
    """The exact series, each order times a factor."""

    def __init__(self, cells: int, factors: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0)) -> None:
        self.cells = cells
        self.factors = factors

    def kernel(self, order):
        return self.factors[order - 1] * born_kernel(order, self.cells)

    def terms(self, potentials, order):
        return np.array(self.factors[:order])[:, None] * born_terms(potentials, order)


def contracted(kernel: np.ndarray, potentials: np.ndarray) -> np.ndarray:
    """``K[U, .., U]`` for every row, one index after the other."""
    values = np.broadcast_to(kernel, (len(potentials), *kernel.shape))
    while values.ndim > 1:
        values = np.einsum("n...i,ni->n...", values, potentials)
    return values


def networks(count: int, cells: int = 3, activation: str = "tanh") -> tuple[Perceptron, ...]:
    return tuple(
        Perceptron(MLP(cells, (5, 4), activation, generator=torch.Generator().manual_seed(seed)))
        for seed in range(count)
    )


def labelled(samples: int, cells: int = 4, low: float = 3e-3, high: float = 0.5, seed: int = 0) -> Labelled:
    """Potentials of independent cells at log-uniform strengths, with exact labels."""
    generator = np.random.default_rng(seed)
    shapes = generator.uniform(0.05, 1.0, (samples, cells)) ** 2
    strength = np.exp(generator.uniform(np.log(low), np.log(high), samples))
    potentials = shapes * (strength / weinberg_eigenvalue(shapes))[:, None]
    return Labelled(potentials, scattering_length(potentials), strength)
