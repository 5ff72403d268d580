"""Any torch module as a learner: against nested autograd, against the perceptron's own engine, and fitted."""

import json
from contextlib import contextmanager
from copy import deepcopy
from functools import partial

import numpy as np
import pytest
import torch
from bornnet.cli.main import main
from fit_cases import problem, taylor_remainder, uniform
from series_cases import labelled
from torch import nn
from torch.func import jacrev, jvp, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from bornnet import born_kernel, compare, fit_series, load_series
from bornnet.errors import InputError
from bornnet.learners.base import Task
from bornnet.learners.mlp.config import Config as MLPConfig
from bornnet.learners.mlp.perceptron import Perceptron
from bornnet.learners.module.config import Config
from bornnet.learners.module.learner import ModuleLearner
from bornnet.learners.module.remainder import ModuleRemainder
from bornnet.networks.mlp import MLP


class Residual(nn.Module):
    """A residual connection around a LayerNorm."""

    def __init__(self, cells, width=6):
        super().__init__()
        self.first, self.second = nn.Linear(cells, width), nn.Linear(width, width)
        self.norm, self.last = nn.LayerNorm(width), nn.Linear(width, 1)

    def forward(self, U):
        h = torch.tanh(self.first(U))
        return self.last(h + torch.tanh(self.second(self.norm(h))))[:, 0]


class Attention(nn.Module):
    """A token a cell, and attention between them."""

    def __init__(self, cells, width=4):
        super().__init__()
        self.places, self.up, self.last = nn.Embedding(cells, width), nn.Linear(1, width), nn.Linear(width, 1)
        self.attention = nn.MultiheadAttention(width, 2, dropout=0.1, batch_first=True)

    def forward(self, U):
        tokens = self.up(U[:, :, None]) + self.places.weight
        mixed, _ = self.attention(tokens, tokens, tokens, need_weights=False)
        return self.last(torch.tanh(tokens + mixed)).mean(dim=1)[:, 0]


def plain(hidden=(5, 4), cells=3):
    """A perceptron of plain layers, and bornnet's own with the same weights."""
    network = MLP(cells, hidden, "tanh", generator=torch.Generator().manual_seed(1))
    layers = []
    for linear in network.linears:
        layers += [nn.Linear(linear.in_features, linear.out_features, dtype=torch.float64), nn.Tanh()]
        layers[-2].load_state_dict(linear.state_dict())
    return nn.Sequential(*layers[:-1], nn.Flatten(0)), network


def seeded(kind, *arguments):
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return kind(*arguments).double().eval()


MODULES = {"residual": partial(seeded, Residual), "attention": partial(seeded, Attention)}


def learner(name, cells=3):
    return ModuleLearner(MODULES[name](cells), np.linspace(1, 2, cells), 1.7)


@contextmanager
def plain_attention():
    """The fused kernels have no second derivatives."""
    torch.backends.mha.set_fastpath_enabled(False)
    with sdpa_kernel(SDPBackend.MATH):
        yield
    torch.backends.mha.set_fastpath_enabled(True)


class PlainNorm(nn.LayerNorm):
    """As it is defined: torch's own has wrong derivatives from the second or third order on."""

    def forward(self, x):
        mean, variance = x.mean(-1, keepdim=True), x.var(-1, keepdim=True, unbiased=False)
        return (x - mean) * (variance + self.eps) ** -0.5 * self.weight + self.bias


def plainly(module):
    """The module, whose derivatives torch has right."""
    for layer in (own := deepcopy(module)).modules():
        if isinstance(layer, nn.LayerNorm):
            layer.__class__ = PlainNorm
    return own


def nested(function, at, order):
    """All partial derivatives of that order, one entry after the other, by reverse mode within itself."""
    x = torch.tensor(at, requires_grad=True)

    def entries(value, left):
        if left == 0:
            return value.detach()
        (gradient,) = torch.autograd.grad(value, x, create_graph=True)
        return torch.stack([entries(part, left - 1) for part in gradient])

    with plain_attention():
        return entries(function(x[None])[0], order).numpy()


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("at", [None, [0.3, -0.2, 0.1]], ids=["zero", "elsewhere"])
def test_tensors_and_terms_against_nested_autograd(name, at):
    own, U = learner(name), uniform(4, 3, seed=5).numpy()
    base = np.zeros(3) if at is None else np.array(at)
    terms, twin = own.taylor_terms(U, 3, at), plainly(own.module)
    for order in range(4):
        expected = nested(lambda x: 1.7 * twin(torch.linspace(1, 2, 3).double() * x), base, order)
        np.testing.assert_allclose(own.derivative_tensor(order, at), expected, rtol=1e-9, atol=1e-11)
        contracted = np.broadcast_to(expected, (4, *expected.shape))
        for n in range(order):
            contracted = np.einsum("n...i,ni->n...", contracted, U) / (n + 1)
        np.testing.assert_allclose(terms[order], contracted, rtol=1e-9, atol=1e-11)
    packed = own.derivative_tensor(2, at, packed=True)
    np.testing.assert_array_equal(packed, own.derivative_tensor(2, at)[np.triu_indices(3)])


@pytest.mark.parametrize("name", MODULES)
def test_the_remainder_and_its_jacobian(name):
    module, x, v = MODULES[name](3), uniform(3, 3, seed=2), uniform(3, 3, seed=4)
    remainder, twin = ModuleRemainder(module, 2, 3), plainly(module)
    weights = {n: p.detach() for n, p in module.named_parameters()}
    assert remainder.fitted == tuple(weights)

    def row(weights, one):
        return taylor_remainder(twin, 2, weights, one)

    def jacobian(x):
        with plain_attention():
            blocks = vmap(jacrev(row), (None, 0))(weights, x)
        return torch.cat([blocks[n].flatten(1) for n in weights], dim=1)

    value, own = remainder.value_and_jacobian(x)
    torch.testing.assert_close(own, jacobian(x), rtol=1e-9, atol=1e-11)
    with plain_attention():
        torch.testing.assert_close(value, torch.stack([row(weights, one) for one in x]).detach())
    slope, along = remainder.slope_and_jacobian(x, v)
    with torch.no_grad():
        torch.testing.assert_close(along, jvp(jacobian, (x,), (v,))[1], rtol=1e-8, atol=1e-10)
    step = 1e-6
    with torch.no_grad():
        torch.testing.assert_close(
            slope, (remainder(x + step * v) - remainder(x - step * v)) / (2 * step), rtol=1e-6, atol=1e-9
        )


def test_a_plain_perceptron_is_the_perceptron():
    module, network = plain()
    own, other = ModuleLearner(module, np.ones(3)), Perceptron(network)
    U, at = uniform(5, 3).numpy(), np.array([0.1, -0.3, 0.2])
    np.testing.assert_allclose(own(U), other(U), rtol=1e-13)
    np.testing.assert_allclose(own.taylor_terms(U, 4, at), other.taylor_terms(U, 4, at), rtol=1e-10)
    np.testing.assert_allclose(own.terms_gradient(U, [1, 3]), other.terms_gradient(U, [1, 3]), rtol=1e-9)
    for order in range(1, 5):
        mine, theirs = (part.derivative_tensor(order, at) for part in (own, other))
        np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-12)


def test_it_is_fitted_in_the_same_steps_as_the_perceptron():
    given, _ = plain()
    task = Task(cells=3, degree=2, seed=1)
    network = Perceptron.begin(problem(), task, MLPConfig(hidden=(5, 4))).model.model
    with torch.no_grad():
        for mine, theirs in zip(given.parameters(), network.parameters(), strict=True):
            mine.copy_(theirs)
    mine = ModuleLearner.begin(problem(), task, Config(steps=(4,)).holding(given))
    theirs = Perceptron.begin(problem(), task, MLPConfig(hidden=(5, 4), steps=(4,)))
    np.testing.assert_allclose(mine.run().curve, theirs.run().curve, rtol=1e-6)
    assert mine.progress.curve[-1][1] < 0.5 * mine.progress.curve[0][1]


def test_stated_errors_are_those_of_the_perceptron():
    module, network = plain()
    fitted = tuple(name for name, _ in module.named_parameters())
    count = sum(p.numel() for p in module.parameters())
    spread = 0.1 * np.random.default_rng(0).normal(size=(count, 3))
    factors = np.array([1.0, 2.0, 0.5])
    own = ModuleLearner(module, np.ones(3), spread=spread, fitted=fitted).rescaled(factors, 3.0)
    other = Perceptron(network, spread).rescaled(factors, 3.0)
    U = uniform(4, 3).numpy()
    for order in (1, 2, 3):
        np.testing.assert_allclose(own.uncertainty(order), other.uncertainty(order), rtol=1e-5)
    np.testing.assert_allclose(own.terms_uncertainty(U, 2), other.terms_uncertainty(U, 2), rtol=1e-5)
    np.testing.assert_allclose(own.value_uncertainty(U), other.value_uncertainty(U), rtol=1e-5)
    assert ModuleLearner(module, np.ones(3)).uncertainty(1) is None


DATA = labelled(200)
KEYS = {"rounds": 2, "steps": (10, 3), "members": 2, "seed": 3}


@pytest.fixture(scope="module")
def series():
    return fit_series(DATA.potentials, DATA.values, learner=MODULES["residual"](4).float(), **KEYS)


def test_a_fit_recovers_the_first_order(series):
    errors = [np.linalg.norm(m.kernel(1) - born_kernel(1, 4)) for m in series.members]
    assert max(errors) < 1e-3 * np.linalg.norm(born_kernel(1, 4))
    assert errors[0] != errors[1]  # each member from weights of its own
    weights = [[layer.module.first.weight for layer in m.learners] for m in series.members]
    assert all(w.dtype == torch.float64 for own in weights for w in own)
    np.testing.assert_allclose(series.predict(DATA.potentials[:5]), DATA.values[:5], rtol=0.01)


def test_attention_recovers_it_too():
    found = fit_series(DATA.potentials, DATA.values, learner=MODULES["attention"](4), rounds=1, steps=(15,))
    assert np.linalg.norm(found.kernel(1) - born_kernel(1, 4)) < 0.01 * np.linalg.norm(born_kernel(1, 4))


def test_what_was_given_is_left_as_it_was():
    given = MODULES["residual"](4).float().train()
    before = {name: tensor.clone() for name, tensor in given.state_dict().items()}
    fit_series(DATA.potentials, DATA.values, learner=given, rounds=1, steps=(1,))
    assert given.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in given.state_dict().items())


def test_stored_and_opened_with_a_module_like_it(series, tmp_path):
    series.save(tmp_path / "s.safetensors")
    again = load_series(tmp_path / "s.safetensors", learner=Residual(4))
    U = DATA.potentials[:6]
    np.testing.assert_array_equal(again.kernel(2), series.kernel(2))
    np.testing.assert_array_equal(again.predict(U), series.predict(U))
    assert again.config == series.config
    assert again.config.learner == ("module",)
    with pytest.raises(InputError, match=r"class test_module\.Residual, not its code.*learner=module"):
        load_series(tmp_path / "s.safetensors")
    with pytest.raises(InputError, match=r"do not fit the module given: .*first\.weight"):
        load_series(tmp_path / "s.safetensors", learner=Residual(4, width=7))


def test_compared_without_diagrams(series):
    compared = compare(series)
    document = json.loads(json.dumps(compared.to_dict()))
    assert document["learner"] == "module"
    assert document["orders"][0]["kernel_error"] < 1e-3
    assert document["diagrams"] == []
    assert document["no_diagrams"].startswith("A torch module has no diagrams")
    assert "no diagrams" in repr(compared)
    assert "no diagrams" in compared._repr_html_()


def test_a_chain_with_known_errors(tmp_path):
    module = seeded(
        lambda: nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Tanh(), nn.Linear(3, 1), nn.Flatten(0))
    )
    keys = {"rounds": 1, "steps": (6,), "degree": 1, "sigma": 1e-4 * np.abs(DATA.values)}
    chain = fit_series(DATA.potentials, DATA.values, learner=["polynomial", module], **keys)
    std = chain.kernel_std(2)
    assert std.shape == (4, 4)
    assert np.all((std > 0) & np.isfinite(std))
    chain.save(tmp_path / "c.safetensors")
    again = load_series(tmp_path / "c.safetensors", learner=module)
    np.testing.assert_array_equal(again.kernel(2), chain.kernel(2))
    np.testing.assert_array_equal(again.kernel_std(2), std)


class Bare(nn.Module):
    """Weights of its own, which nothing draws anew."""

    def __init__(self):
        super().__init__()
        self.k = nn.Parameter(torch.ones(4))

    def forward(self, U):
        return torch.tanh(U @ self.k)


class Through(nn.Module):
    """A linear layer, and anything after it."""

    def __init__(self, after):
        super().__init__()
        self.linear, self.after = nn.Linear(4, 1), after

    def forward(self, U):
        return self.after(self.linear(U)[:, 0])


class Wrong(torch.autograd.Function):
    """The sine, with another's derivative."""

    @staticmethod
    def forward(x):
        return torch.sin(x)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx, gradient):
        return gradient * ctx.saved_tensors[0]

    @staticmethod
    def jvp(ctx, tangent):
        return tangent * ctx.saved_tensors[0]

    @staticmethod
    def vmap(info, axes, x):
        return Wrong.apply(x), axes[0]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (nn.Linear(4, 1), r"to doubles \(3,\); got \(3, 1\) of float64\. Put nn\.Flatten\(0\)"),
        (nn.Linear(5, 1), r"fails on doubles of shape \(3, 4\): RuntimeError"),
        (Through(lambda x: x.float()), r"got \(3,\) of float32"),
        (Through(lambda x: x - x.mean()), "row by row"),
        (Through(lambda x: x + torch.rand_like(x)), "on chance"),
        (Through(lambda x: x.detach()), "torch cannot differentiate"),
        (Through(lambda x: (x - x).abs().sqrt() + x), "of order 1 there is not finite"),
        (nn.Sequential(nn.Tanh(), nn.AvgPool1d(4), nn.Flatten(0)), "no weights to train"),
        (Through(Wrong.apply), r"derivative of order 1 of the module is wrong"),
        (nn.Sequential(nn.Linear(4, 2), nn.GLU(), nn.Flatten(0)), "torch cannot differentiate.*glu_jvp"),
        (Residual, "expected a module, got the class Residual"),
        ([Residual(4), Attention(4)], "one torch module at most; got 2"),
        ("module", "given as an object, from Python"),
    ],
)
def test_modules_that_are_refused(given, message):
    with pytest.raises(InputError, match=message):
        fit_series(DATA.potentials, DATA.values, learner=given)


def test_members_that_could_not_differ_are_refused():
    fit_series(DATA.potentials, DATA.values, learner=Bare(), rounds=1, steps=(2,))
    with pytest.raises(InputError, match=r"test_module\.Bare has weights of its own and no reset_parameters"):
        fit_series(DATA.potentials, DATA.values, learner=Bare(), members=2)


def test_the_commands_have_none(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["generate", "d.h5", "--samples", "20", "--cells", "3", "--quiet"]) == 0
    assert main(["train", "d.h5", "--out", "r", "--learner", "module"]) == 2
    assert "from Python" in capsys.readouterr().err
    assert not (tmp_path / "r").exists()
