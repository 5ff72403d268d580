"""Diagrams: how many, what they are worth, and how they are drawn."""

import math
import shutil
import subprocess
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from network_cases import assert_close, point, several_outputs, small_network
from torch import nn

from bornnet.diagrams.diagram import diagrams
from bornnet.diagrams.drawing import layout, svg_picture, terminal_picture, tikz_picture
from bornnet.diagrams.shares import diagram_shares
from bornnet.errors import InputError
from bornnet.networks.derivatives import derivative_tensor
from bornnet.networks.jets import taylor_terms
from bornnet.networks.mlp import MLP


def by_hand():
    """One neuron a layer, s(z) = e^z - 1, z_1 = 2x - ln 2, z_2 = 2 s(z_1) + 1 - ln 4, f = s(z_2)."""
    model = nn.Sequential(nn.Linear(1, 1), nn.ELU(), nn.Linear(1, 1), nn.ELU(), nn.Linear(1, 1)).double()
    with torch.no_grad():
        for linear, weight, bias in (
            (model[0], 2, -math.log(2)),
            (model[2], 2, 1 - math.log(4)),
            (model[4], 1, 0),
        ):
            linear.weight[:] = weight
            linear.bias[:] = bias
    return model


def test_numbers_of_shapes_and_labelings():
    """OEIS A000669 and A000311."""
    found = [diagrams(order) for order in range(1, 9)]
    assert [len(shapes) for shapes in found] == [1, 1, 2, 5, 12, 33, 90, 261]
    assert [sum(d.labelings for d in shapes) for shapes in found] == [1, 1, 4, 26, 236, 2752, 39208, 660032]
    assert all(len(set(shapes)) == len(shapes) for shapes in found)


def test_vertices_count_their_branches():
    assert [d.vertices for d in diagrams(4)] == [(4,), (3, 2), (2, 3), (2, 2, 2), (2, 2, 2)]
    assert [d.notation for d in diagrams(4)] == ["(xxxx)", "(xx(xx))", "(x(xxx))", "(x(x(xx)))", "((xx)(xx))"]
    assert [d.labelings for d in diagrams(4)] == [1, 6, 4, 12, 3]
    for order in range(2, 7):
        for d in diagrams(order):
            assert (
                sum(d.vertices) == order + len(d.vertices) - 1
            )  # every line but the outgoing one is a branch


def test_the_example_that_a_reader_can_redo():
    """The table in the module's documentation; the sums are 2^n / 4 times the Bell numbers."""
    model = by_hand()
    second, third = diagrams(2), diagrams(3)
    assert [d.evaluate(model).item() for d in second] == pytest.approx([2.0], rel=1e-14)
    assert [d.evaluate(model).item() for d in third] == pytest.approx([4.0, 6.0], rel=1e-14)
    placed = [
        [(p.layers, p.labelings, p.evaluate(model).item()) for p in d.placements(2)]
        for d in (*second, *third)
    ]
    assert placed == [
        [((1,), 1, pytest.approx(1.0)), ((2,), 1, pytest.approx(1.0))],
        [((1,), 1, pytest.approx(2.0)), ((2,), 1, pytest.approx(2.0))],
        [((2, 1), 3, pytest.approx(6.0))],
    ]
    for order, bell in enumerate((1, 2, 5, 15, 52, 203), start=1):
        assert sum(d.evaluate(model).item() for d in diagrams(order)) == pytest.approx(
            2**order * bell / 4, rel=1e-13
        )


@pytest.mark.parametrize("order", range(1, 7))
@pytest.mark.parametrize("model", [small_network("gelu"), several_outputs()], ids=["mlp", "own"])
def test_shares_sum_to_the_derivative(model, order):
    at = point()
    shares = [d.evaluate(model, at) for d in diagrams(order)]
    assert_close(sum(shares), derivative_tensor(model, order, at), 1e-13)
    packed = [d.evaluate(model, at, packed=True) for d in diagrams(order)]
    assert_close(sum(packed), derivative_tensor(model, order, at, packed=True), 1e-13)


@pytest.mark.parametrize("order", range(1, 7))
@pytest.mark.parametrize("model", [small_network("mish"), several_outputs()], ids=["mlp", "own"])
def test_contractions_sum_to_the_taylor_term(model, order):
    at, x = point(), torch.randn(5, 3, dtype=torch.float64)
    total = sum(d.contract(model, x, at) for d in diagrams(order))
    with torch.no_grad():
        expected = math.factorial(order) * taylor_terms(model, x, order, at)[order]
    torch.testing.assert_close(total, expected, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5])
def test_placements_sum_to_their_diagram(order):
    model, at = small_network("sigmoid"), point()
    for diagram in diagrams(order):
        placements = diagram.placements(3)
        whole = diagram.evaluate(model, at)
        total = sum((p.evaluate(model, at) for p in placements), torch.zeros_like(whole))
        torch.testing.assert_close(total, whole, rtol=1e-12, atol=1e-15)
        assert len({p.tree for p in placements}) == len(placements)


@settings(max_examples=20, deadline=None)
@given(order=st.integers(2, 5), seed=st.integers(0, 1000))
def test_each_share_is_symmetric_and_contracts_to_its_value(order, seed):
    model, x = small_network("tanh"), point(seed=seed)
    for diagram in diagrams(order):
        contracted = tensor = diagram.evaluate(model)
        assert torch.equal(tensor, tensor.transpose(0, order - 1))
        for _ in range(order):
            contracted = contracted @ x
        np.testing.assert_allclose(
            diagram.contract(model, x[None].numpy()), [contracted.item()], rtol=1e-9, atol=1e-13
        )


def test_deep_trees_vanish_in_shallow_networks():
    model = small_network("tanh", (6,))
    contact, *others = diagrams(4)
    assert_close(contact.evaluate(model), derivative_tensor(model, 4), 1e-13)
    assert all(not d.evaluate(model).any() and d.placements(1) == [] for d in others)
    linear = nn.Linear(3, 1).double()
    assert_close(diagrams(1)[0].evaluate(linear), linear.weight[0], 1e-15)
    assert not diagrams(3)[0].evaluate(linear).any()


def test_many_directions_at_64_inputs():
    model = MLP(64, [16, 16], generator=torch.Generator().manual_seed(1))
    x = np.random.default_rng(0).normal(size=(9000, 64))
    total = sum(d.contract(model, x) for d in diagrams(3))
    np.testing.assert_allclose(total, 6 * taylor_terms(model, x, 3)[3], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_the_table_of_shares_adds_up(order):
    model, at, x = small_network("softplus"), point(), point(seed=8)
    rows = diagram_shares(model, order, at, x)
    assert [row.diagram for row in rows] == diagrams(order)
    term = taylor_terms(model, x[None].numpy(), order, at.numpy())[order, 0]
    assert sum(row.along for row in rows) == pytest.approx(term, rel=1e-12)
    for row in rows:
        norm = row.diagram.evaluate(model, at).norm().item() / math.factorial(order)
        assert row.norm == pytest.approx(norm, rel=1e-12)
        if order > 1:
            assert sum(layer.along for layer in row.layers) == pytest.approx(row.along, rel=1e-12)
            assert {layer.layer for layer in row.layers} <= {1, 2, 3}


def test_shares_of_layers_are_those_of_the_placements():
    model, at = small_network("silu"), point()
    for row in diagram_shares(model, 3, at):
        for share in row.layers:
            placed = [p.evaluate(model, at) for p in row.diagram.placements(3) if p.layers[0] == share.layer]
            assert share.norm == pytest.approx(sum(placed).norm().item() / 6, rel=1e-12)


def test_pictures_in_the_terminal():
    pictures = [terminal_picture(d) for d in (*diagrams(1), *diagrams(3), diagrams(4)[-1])]
    assert pictures == [
        "x ─── f",
        "x ──┐\nx ──┼─●³─── f\nx ──┘",
        "x ────────┬─●²─── f\nx ──┬─●²──┘\nx ──┘",
        "x ──┬─●²──┐\nx ──┘     ├─●²─── f\nx ──┬─●²──┘\nx ──┘",
    ]


@pytest.mark.parametrize("order", [1, 3, 5, 6])
def test_every_picture_shows_every_leg_and_vertex(order):
    for diagram in diagrams(order):
        picture = terminal_picture(diagram)
        assert picture.count("x") == order
        assert picture.count("●") == len(diagram.vertices)
        assert len(picture.splitlines()) == order
    svg = ET.fromstring(svg_picture(diagrams(order)))
    name = "{http://www.w3.org/2000/svg}"
    vertices = sum(len(d.vertices) for d in diagrams(order))
    lines = sum(len(d.vertices) + order for d in diagrams(order)) - (order == 1)
    assert len(svg.findall(f".//{name}circle")) == vertices
    assert len(svg.findall(f".//{name}path")) == (lines if order > 1 else 1)
    tikz = tikz_picture(diagrams(order))
    assert tikz.count(r"\node[vertex") == vertices
    assert tikz.count(r"\begin{tikzpicture}") == tikz.count(r"\end{tikzpicture}") == len(diagrams(order))
    assert tikz.count("{") == tikz.count("}")


def test_lines_cross_nothing():
    """Level parts stay on a branch's own row; slanted ones share a column and an end."""
    for order in range(2, 8):
        for diagram in diagrams(order):
            for vertex in _vertices(layout(diagram)):
                rows = [branch.row for branch in vertex.branches]
                assert rows == sorted(set(rows))
                assert rows[0] <= vertex.row <= rows[-1]
                assert all(branch.column < vertex.column for branch in vertex.branches)


def _vertices(node):
    return [node, *(v for branch in node.branches for v in _vertices(branch))] if node.branches else []


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_latex_takes_the_drawings(tmp_path):
    """Orders 1 to 5, with captions that hold LaTeX's own characters."""
    if subprocess.run(["kpsewhich", "standalone.cls"], capture_output=True, check=False).returncode:
        pytest.skip("LaTeX's class standalone is not installed")
    command = ["pdflatex", "-interaction=batchmode", "-halt-on-error", "-no-shell-escape", "d.tex"]
    for order in range(1, 6):
        captions = [rf"{d.notation}: −50 % & #{d.labelings} \x_{{1}}^~$" for d in diagrams(order)]
        for texts in (None, captions):
            (tmp_path / "d.tex").write_text(tikz_picture(diagrams(order), texts), encoding="utf-8")
            done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, timeout=60)
            log = (tmp_path / "d.log").read_text(encoding="utf-8", errors="replace")
            assert done.returncode == 0, log[-2000:]
            assert "1 page" in log


def test_captions_are_text():
    svg = svg_picture(diagrams(2), ["<script>1 & 2</script>"])
    assert "&lt;script&gt;1 &amp; 2" in svg
    assert r"50\% \_ \& \$" in tikz_picture(diagrams(2), ["50% _ & $"])


@pytest.mark.parametrize("order", [0, -2, 1.0, "3", None])
def test_bad_orders(order):
    with pytest.raises(InputError, match="order must be"):
        diagrams(order)


def test_bad_networks_points_and_sizes():
    diagram = diagrams(3)[0]
    with pytest.raises(InputError, match="LayerNorm"):
        diagram.evaluate(nn.LayerNorm(3))
    with pytest.raises(InputError, match="at must be"):
        diagram.evaluate(small_network(), torch.zeros(2))
    with pytest.raises(InputError, match="displacements"):
        diagram.contract(small_network(), np.ones(3))
    with pytest.raises(InputError, match="one output"):
        diagram_shares(several_outputs(), 2)
    with pytest.raises(InputError, match="direction"):
        diagram_shares(small_network(), 2, direction=np.ones(4))
    with pytest.raises(InputError, match="contract gives"):
        diagrams(7)[0].evaluate(MLP(64, 4))
    with pytest.raises(InputError, match="do not exist"):
        diagram.placements(3)[-1].evaluate(small_network("tanh", (4, 4)))
