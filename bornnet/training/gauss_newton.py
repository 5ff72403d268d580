"""Gauss-Newton without the normal matrix: the paths of Levenberg-Marquardt, by conjugate gradients.

Products by J and its transpose are enough, for networks whose normal matrix would not fit.
"""

import torch
from torch import Tensor
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from ..compute.group import total
from .cost import ROWS, autograd_bytes, timed
from .levenberg_marquardt import LevenbergMarquardt
from .model import Residual
from .normal import Solve, Solver
from .problem import Samples
from .residuals import BLOCK, loss_and_pull, pulled_back, pushed_forward

_SETTLING_STEPS = 5


class GaussNewton(LevenbergMarquardt):
    """The same steps with conjugate gradients in place of the normal matrix (Hestenes & Stiefel 1952).

    Memory grows with the weights, not with their square; time with the iterations, which small dampings need
    many of. They end early: at a hundredth of the right side, or after 200.
    """

    def __init__(
        self, model: Residual, samples: Samples, *, path_order: int = 2, robust: bool = False
    ) -> None:
        super().__init__(model, samples, path_order=path_order, robust=robust)

    @classmethod
    def step_bytes(
        cls, rows: int, weights: int, *, kept: int = 0, batch: int = 0, slopes: bool = False
    ) -> int:
        return autograd_bytes(min(rows, BLOCK), weights, kept, history=10)

    def step_seconds(self) -> float:
        """That of a step on a block, after some steps in which the damping settles, and with it how many
        iterations one takes. The weights are left as they were."""
        here = parameters_to_vector(self.model.parameters()).detach().clone()
        block = self.given.rows(slice(0, ROWS))
        trial = GaussNewton(self.model, block)
        for _ in range(_SETTLING_STEPS):
            trial.step()
        seconds = timed(lambda: torch.tensor(trial.step() or 0.0))
        vector_to_parameters(here, self.model.parameters())
        return seconds * len(self.given) / len(block)

    def linearize(self) -> tuple[float, Tensor, Solver]:
        loss, gradient = loss_and_pull(self.model, self.samples.blocks(BLOCK), self.count)

        def solver(damping: float) -> Solve:
            return lambda b: conjugate_gradients(lambda x: self.product(x) + damping * x, b)

        return loss, gradient, solver

    def product(self, vector: Tensor) -> Tensor:
        """``J^T J v / N``."""
        product = torch.zeros_like(vector)
        for block in self.samples.blocks(BLOCK):
            pushed = pushed_forward(self.model, block, vector)
            product += pulled_back(self.model, block, pushed)[1]
        return total(product) / self.count


def conjugate_gradients(
    product: Solve, right: Tensor, *, tolerance: float = 1e-2, iterations: int = 200
) -> Tensor:
    """Solve ``A x = b``, A positive definite and given by its products, to ``|A x - b| <= tolerance |b|``."""
    x = torch.zeros_like(right)
    r = right.clone()
    direction = r.clone()
    square = float(r @ r)
    end = tolerance**2 * square
    for _ in range(iterations):
        if square <= end:
            break
        image = product(direction)
        length = square / float(direction @ image)
        x += length * direction
        r -= length * image
        square, former = float(r @ r), square
        direction = r + (square / former) * direction
    return x
