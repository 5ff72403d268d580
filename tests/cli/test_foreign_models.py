"""Networks from elsewhere in `compare-born` and `diagrams`: what was read, and what is asked for."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from bornnet import born_kernel, derivative_tensor


class Loop(nn.Module):
    def __init__(self):
        super().__init__()
        self.linears = nn.ModuleList([nn.Linear(5, 3), nn.Linear(3, 1)])


@pytest.fixture
def networks(run):
    """`net.pt` of tanh with its pairs, `loop.pt` of a ModuleList, `exact.pt`: the first Born term + 0.25."""
    torch.manual_seed(5)
    net = nn.Sequential(nn.Linear(5, 3), nn.Tanh(), nn.Dropout(), nn.Linear(3, 1)).eval()
    torch.save({"epoch": 7, "model_state_dict": net.state_dict()}, "net.pt")
    torch.save(Loop().state_dict(), "loop.pt")
    torch.save(
        {"0.weight": torch.from_numpy(born_kernel(1, 5))[None], "0.bias": torch.tensor([0.25])}, "exact.pt"
    )
    x = torch.rand(6, 5)
    with torch.no_grad():
        np.savetxt("pairs.csv", torch.cat([x, net(x)], dim=1).numpy(), delimiter=",")
    np.savetxt("mine.csv", np.random.default_rng(1).random((12, 5)), delimiter=",", header="a,b,c,d,e")
    run.net = net.double()
    return run


TANH = ("--model", "net.pt", "--activation", "tanh")


def test_what_was_read_is_shown(networks):
    outcome = networks("compare-born", *TANH, "--check", "pairs.csv", "--samples", 40, "--order", 2)
    assert outcome.code == 0
    assert "5 -> 3 tanh -> 1" in outcome.out
    assert "model_state_dict" in outcome.out
    assert "6 rows of pairs.csv, to " in outcome.out
    at_zero = float(networks.net(torch.zeros(1, 5, dtype=torch.float64))[0].detach())
    assert f"{at_zero:.4g}: without a potential, and in none of the terms" in outcome.out


def test_what_was_read_in_json(networks):
    document = networks("compare-born", *TANH, "--check", "pairs.csv", "--samples", 40, "--json").json
    assert document["model"]["layout"] == "5 -> 3 tanh -> 1"
    assert document["model"]["layers"] == ["0", "3"]
    assert document["model"]["check"]["deviation"] < 1e-6
    assert document["model"]["value_at_zero"] == pytest.approx(
        float(networks.net(torch.zeros(1, 5, dtype=torch.float64))[0].detach()), rel=1e-12
    )


def test_what_was_read_in_the_report(networks):
    arguments = ("--check", "pairs.csv", "--samples", 40, "--order", 1, "--report", "r.html")
    assert networks("compare-born", *TANH, *arguments).code == 0
    page = Path("r.html").read_text(encoding="utf-8")
    assert "was read as <code>5 -&gt; 3 tanh -&gt; 1</code>, its weights as model_state_dict" in page
    assert "Without a potential it gives f(0) =" in page


def test_a_value_without_potential_is_no_term(networks):
    document = networks("compare-born", "--model", "exact.pt", "--potentials", "mine.csv", "--json").json
    assert document["orders"][0]["kernel_error"] < 1e-14
    assert document["model"]["value_at_zero"] == 0.25
    assert document["held_out_potentials"] == 12
    assert document["proxy"][0]["vs_born"] < 1e-13


def test_potentials_of_ones_own(networks):
    from bornnet import born_terms

    document = networks("compare-born", *TANH, "--potentials", "mine.csv", "--json", "--order", 2).json
    U = np.loadtxt("mine.csv", delimiter=",")
    exact = np.asarray(born_terms(U, 2))
    gradient = derivative_tensor(networks.net[:2] + networks.net[3:], 1).detach().numpy()
    error = np.sqrt(np.mean((U @ gradient - exact[0]) ** 2) / np.mean(exact[0] ** 2))
    assert document["orders"][0]["term_error"] == pytest.approx(error, rel=1e-10)


def test_diagrams_of_a_model(networks):
    outcome = networks("diagrams", "--order", 2, *TANH, "--json")
    expected = derivative_tensor(networks.net[:2] + networks.net[3:], 2).detach().numpy() / 2
    assert outcome.json["along"] == pytest.approx(expected.sum(), rel=1e-10)
    assert outcome.json["norm"] == pytest.approx(np.linalg.norm(expected), rel=1e-10)
    assert outcome.json["model"]["layout"] == "5 -> 3 tanh -> 1"
    shown = networks("diagrams", "--order", 2, *TANH).out
    assert "5 -> 3 tanh -> 1" in shown
    assert "net.pt" in shown


COMPARE, DIAGRAMS = ("compare-born",), ("diagrams", "--order", 2)
REFUSED = {
    "no activation": ((*COMPARE, "--model", "net.pt"), "give --activation, one of tanh, sigmoid"),
    "no activation, checked": (
        (*COMPARE, "--model", "net.pt", "--check", "pairs.csv"),
        "With tanh (",
    ),
    "no layers": (
        (*COMPARE, "--model", "loop.pt", "--activation", "tanh"),
        'Say what follows what by --layers, such as "5 -> 3 tanh -> 1"',
    ),
    "other layers": (
        (*COMPARE, "--model", "loop.pt", "--layers", "5 -> 4 tanh -> 1"),
        "are not the layers of",
    ),
    "a check that fails": (
        (*COMPARE, "--model", "net.pt", "--activation", "gelu", "--check", "pairs.csv"),
        "read as 5 -> 3 gelu -> 1, differs from these outputs",
    ),
    "layers of a run": ((*COMPARE, "run", "--layers", "5 -> 1"), "--layers goes with --model"),
    "samples of one's own": (
        (*COMPARE, *TANH, "--potentials", "mine.csv", "--samples", 4),
        "leave out --samples, or --potentials",
    ),
    "potentials of other cells": (
        (*COMPARE, *TANH, "--potentials", "pairs.csv"),
        "expected potentials of 5 cells, as the network has inputs, got 6",
    ),
    "potential that is zero": ((*COMPARE, *TANH, "--potentials", "zero.csv"), "row 2 is zero everywhere"),
    "diagrams, no activation": ((*DIAGRAMS, "--model", "net.pt"), "give --activation, one of"),
    "diagrams of two": ((*DIAGRAMS, *TANH, "--run", "run"), "--run and --model are two networks"),
    "diagrams, round of a model": ((*DIAGRAMS, *TANH, "--round", 1), "--round means nothing without --run"),
    "diagrams, check of nothing": ((*DIAGRAMS, "--check", "pairs.csv"), "--check goes with --model"),
    "diagrams along nothing": ((*DIAGRAMS, "--along", "mine.csv"), "means nothing without --run or --model"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case, networks, refused):
    Path("zero.csv").write_text("1,1,1,1,2\n0,0,0,0,0\n")
    arguments, message = REFUSED[case]
    assert message in refused(*arguments)
