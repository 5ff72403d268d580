"""A network minus its own lower Taylor orders, and the Jacobian of that in the weights.

Round n of the iteration fits ``r_n[f](x) = f(x) - sum_{m<n} T_m[f](x)``, T_m being the order-m Taylor term
of the network f at x = 0. The leading order of r_n is n by construction, so that shallow potentials say
something about order n alone, and f stays an ordinary network whose order-n term is that of r_n.

The Jacobian is that of backpropagation, once at the sample and once in jets at the common base point:
along t x the adjoint of a layer and the layer's input are polynomials in t, and

    d T_m / d W = sum_{a+b=m} adjoint_a (x) input_b .

Summed over m < n this is a handful of outer products a layer, batched over the samples. Products of two
rows of the Jacobian are sums of products of their factors: a wide network's rows have a Gram matrix without
a Jacobian (the empirical tangent kernel: Jacot et al., arXiv:1806.07572).
"""

from collections.abc import Iterator
from functools import reduce

import torch
from torch import Tensor, nn
from torch.func import jvp

from ...networks.activations import taylor_coefficients
from ...networks.jets import composed, taylor_terms
from ...networks.mlp import MLP


class TaylorRemainder(nn.Module):
    """``r_n[f]``: the network without its Taylor orders below ``degree``.

    Args:
        model: the network f; its weights are those of the remainder.
        degree: the leading order n that is left, 1 or more (1 removes f(0) alone).
    """

    def __init__(self, model: MLP, degree: int) -> None:
        super().__init__()
        self.model = model
        self.degree = degree

    def forward(self, x: Tensor) -> Tensor:
        """``(batch, inputs)`` to ``(batch,)``, with autograd where gradients are enabled."""
        return self.model(x) - self._lower_orders(x)

    def _lower_orders(self, x: Tensor) -> Tensor:
        """``sum_{m<n} T_m[f](x)``, in the precision of the weights."""
        highest = self.degree - 1
        if not torch.is_grad_enabled() and x.dtype == torch.float64:
            return taylor_terms(self.model, x, highest).sum(0)
        base, jet = x.new_zeros(1, x.shape[1]), [x][:highest]
        *hidden, last = self.model.linears
        for linear in hidden:
            z = [term @ linear.weight.T for term in jet]
            c = taylor_coefficients(self.model.layers[1], linear(base)[0], highest)
            base, jet = c[:1], composed(z, c, highest) if highest else []
        return sum((term @ last.weight[0] for term in jet), last(base)[0])

    @torch.no_grad()
    def value_and_jacobian(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """``r_n`` and its derivatives by every weight: ``(batch,)`` and ``(batch, weights)``.

        Weights count in the order of ``torch.nn.utils.parameters_to_vector``.
        """
        return self._value_and_jacobian(x)

    @torch.no_grad()
    def slope_and_jacobian(self, x: Tensor, direction: Tensor) -> tuple[Tensor, Tensor]:
        """The derivative of ``r_n`` along a direction a sample, and its own derivatives by every weight.

        The Jacobian's own derivative along the direction, by forward-mode differentiation.
        """
        return jvp(self._value_and_jacobian, (x,), (direction,))[1]

    @torch.no_grad()
    def value_and_gram(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """``r_n`` ``(batch,)``, and ``J J^T`` ``(batch, batch)`` of its Jacobian J, which is not formed."""
        value, layers = self._value_and_factors(x)
        gram = x.new_zeros(len(x), len(x))
        for bias, left, right in layers:
            gram += bias @ bias.T
            terms = range(left.shape[2])
            for k in terms:
                for m in terms:
                    gram += (left[:, :, k] @ left[:, :, m].T) * (right[:, k] @ right[:, m].T)
        return value, gram

    def _value_and_jacobian(self, x: Tensor) -> tuple[Tensor, Tensor]:
        value, layers = self._value_and_factors(x)
        jacobian = x.new_empty(len(x), sum(p.numel() for p in self.model.parameters()))
        stop = jacobian.shape[1]
        for bias, left, right in layers:
            start = stop - bias.shape[1]
            jacobian[:, start:stop] = bias
            stop, start = start, start - left.shape[1] * right.shape[2]
            jacobian[:, start:stop] = torch.bmm(left, right).flatten(1)
            stop = start
        return value, jacobian

    def _value_and_factors(self, x: Tensor) -> tuple[Tensor, Iterator[tuple[Tensor, Tensor, Tensor]]]:
        """``r_n``, and from the last layer to the first its derivatives by the biases ``(batch, above)``, and
        factors ``(batch, above, terms)`` and ``(batch, terms, below)`` of those by the weights."""
        linears = self.model.linears
        activation = self.model.layers[1]
        highest = self.degree - 1

        inputs: list[Tensor] = [x]  # at the samples
        slopes: list[Tensor] = []
        jet_inputs: list[list[Tensor]] = [[x.new_zeros(1, x.shape[1]), x][: highest + 1]]  # 0.. along t x
        jet_slopes: list[list[Tensor]] = []
        for linear in linears[:-1]:
            y, slope = taylor_coefficients(activation, linear(inputs[-1]), 1)
            inputs.append(y)
            slopes.append(slope)
            base, *higher = jet_inputs[-1]
            z = [term @ linear.weight.T for term in higher]
            c = taylor_coefficients(activation, linear(base)[0], highest + 1)
            derivative = c[1:] * torch.arange(1, highest + 2, dtype=x.dtype, device=x.device)[:, None]
            for series, jet in ((c, jet_inputs), (derivative, jet_slopes)):
                jet.append([series[:1], *(composed(z, series, highest) if highest else [])])
        last = linears[-1]
        value = (inputs[-1] @ last.weight.T + last.bias)[:, 0]
        value = value - sum(term @ last.weight[0] for term in jet_inputs[-1]) - last.bias

        def layers() -> Iterator[tuple[Tensor, Tensor, Tensor]]:
            adjoint = x.new_ones(len(x), 1)
            jet_adjoint = [x.new_ones(1, 1)] + [x.new_zeros(1, 1)] * highest
            for layer in range(len(linears) - 1, -1, -1):
                below = jet_inputs[layer]
                # sum over a + b <= n - 1: one outer product per order b of the input
                sums = [reduce(torch.add, jet_adjoint[: self.degree - b]) for b in range(len(below))]
                left = torch.stack([adjoint, *(-term.expand(len(x), -1) for term in sums)], dim=2)
                right = torch.stack([inputs[layer], *(term.expand(len(x), -1) for term in below)], dim=1)
                yield adjoint - sums[0], left, right
                if layer:
                    weight, slope, jet_slope = linears[layer].weight, slopes[layer - 1], jet_slopes[layer - 1]
                    adjoint = (adjoint @ weight) * slope
                    pulled = [term @ weight for term in jet_adjoint]
                    jet_adjoint = [
                        reduce(torch.add, [pulled[a] * jet_slope[m - a] for a in range(m + 1)])
                        for m in range(self.degree)
                    ]

        return value, layers()
