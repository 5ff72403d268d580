"""The multilayer perceptron that bornnet trains and expands."""

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from ..errors import InputError
from .activations import make_activation

_RECTIFIERS = {"relu", "leaky-relu", "gelu", "gelu-tanh", "silu", "mish", "elu", "celu"}


class MLP(nn.Module):
    """``f(x) = w . s(W_L .. s(W_1 x + b_1) ..) + b``: a scalar function in double precision.

    ``layers`` is the ``torch.nn.Sequential`` of Linear and activation modules; nothing else is in the
    network. Weights start from a normal distribution of variance gain^2/fan_in (LeCun 1998; gain^2 = 2
    for the rectifier-like activations, He 2015) and biases with variance 1/fan_in, so that the even
    orders around x = 0 do not vanish at the start. Draws come from ``generator``, or from torch's global
    seed.

    Args:
        inputs: number of inputs (the cells of the potential).
        hidden: width of each hidden layer, from the input to the output; one int means one layer.
        activation: a name of ``bornnet.networks.activations.ACTIVATIONS``.
        generator: source of the initial weights.
    """

    def __init__(
        self,
        inputs: int,
        hidden: int | Sequence[int],
        activation: str = "tanh",
        *,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        widths = tuple(hidden) if isinstance(hidden, Iterable) else (hidden,)
        for what, size in (("inputs", inputs), *(("hidden", width) for width in widths)):
            if not isinstance(size, int) or isinstance(size, bool) or size < 1:
                raise InputError(f"{what} must be positive integers, got {size!r}")
        self.inputs = inputs
        self.hidden = widths
        self.activation = activation

        modules: list[nn.Module] = []
        fan_in = inputs
        for width in widths:
            modules += [nn.Linear(fan_in, width, dtype=torch.float64), make_activation(activation)]
            fan_in = width
        modules.append(nn.Linear(fan_in, 1, dtype=torch.float64))
        self.layers = nn.Sequential(*modules)
        self._draw_weights(generator)

    def _draw_weights(self, generator: torch.Generator | None) -> None:
        gain = math.sqrt(2.0) if self.activation in _RECTIFIERS else 1.0
        with torch.no_grad():
            for linear in self.linears:
                scale = 1 / math.sqrt(linear.in_features)
                last = linear is self.linears[-1]
                linear.weight.normal_(0.0, scale if last else gain * scale, generator=generator)
                linear.bias.normal_(0.0, 0.0 if last else scale, generator=generator)

    @property
    def linears(self) -> list[nn.Linear]:
        """The Linear layers from the input to the output."""
        return [module for module in self.layers if isinstance(module, nn.Linear)]

    def forward(self, x: Tensor) -> Tensor:
        """``(batch, inputs)`` to ``(batch,)``."""
        return self.layers(x).squeeze(-1)

    @torch.no_grad()
    def rescaled(
        self, input_scale: float | Tensor = 1.0, output_scale: float = 1.0, output_shift: float = 0.0
    ) -> "MLP":
        """The network ``x -> output_scale f(input_scale x) + output_shift`` as an ordinary MLP.

        The scales are folded into the weights of the first and last layer, so a network trained on
        scaled data can be expanded in physical units. ``input_scale`` is one number or one per input,
        ``(inputs,)``.
        """
        scale = torch.as_tensor(input_scale, dtype=torch.float64)
        if scale.shape not in ((), (self.inputs,)):
            raise InputError(
                f"input_scale must be a number or ({self.inputs},), got shape {tuple(scale.shape)}"
            )
        copy = MLP(self.inputs, self.hidden, self.activation)
        copy.to(next(self.parameters()).device)
        copy.load_state_dict(self.state_dict())
        first, last = copy.linears[0], copy.linears[-1]
        first.weight.mul_(scale.to(first.weight.device))
        last.weight.mul_(output_scale)
        last.bias.mul_(output_scale).add_(output_shift)
        return copy
