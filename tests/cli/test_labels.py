"""Training on gradients, on values alone, in single precision and without a normal matrix."""

from pathlib import Path

import numpy as np
import pytest

from bornnet import born_kernel, load_run
from bornnet.datasets.reader import read_dataset

SMALL = ("--hidden", "5,4", "--steps", "6,4", "--rounds", 2)


@pytest.fixture
def gradients(run, here):
    outcome = run(
        "generate", "g.h5", "--samples", 300, "--cells", 3, "--strength", 0.01, 0.5, "--labels", "gradient"
    )
    assert outcome.code == 0, outcome.err


def iterate(run, data, out, *flags):
    outcome = run("iterate", data, "--out", out, *SMALL, "--json", *flags)
    assert outcome.code == 0, outcome.err
    return load_run(out)


def test_gradients_are_used_where_the_dataset_has_them(run, gradients):
    both, values = iterate(run, "g.h5", "both"), iterate(run, "g.h5", "values", "--labels", "value")
    assert (both.config.labels, values.config.labels) == ("gradient", "value")
    first, second = (result.models[0][0].linears[0].weight for result in (both, values))
    assert not np.array_equal(first.detach(), second.detach())


def test_values_alone_give_what_a_dataset_of_values_gives(run, gradients):
    run("generate", "v.h5", "--samples", 300, "--cells", 3, "--strength", 0.01, 0.5)
    np.testing.assert_array_equal(read_dataset("v.h5").potentials, read_dataset("g.h5").potentials)
    one, other = iterate(run, "v.h5", "one"), iterate(run, "g.h5", "other", "--labels", "value")
    for network, same in zip(one.models[0], other.models[0], strict=True):
        np.testing.assert_array_equal(network.linears[0].weight.detach(), same.linears[0].weight.detach())


@pytest.mark.parametrize("command", ["train", "iterate"])
def test_gradients_that_are_not_there_cannot_be_asked_for(run, here, command):
    outcome = run(command, "d.h5", "--out", "new", "--labels", "gradient")
    assert outcome.code == 2
    assert "d.h5: labels = gradient is asked for, but the dataset has no gradients" in outcome.err
    assert "--labels gradient" in outcome.err
    assert not Path("new").exists()


def test_gradients_of_few_potentials_teach_what_values_do_not(run, here):
    """24 smooth potentials of 8 cells for 61 weights: their values and gradients, against values alone."""
    smooth = ("--samples", 30, "--cells", 8, "--strength", 0.01, 0.3, "--family", "smooth")
    run("generate", "few.h5", *smooth, "--labels", "gradient")
    kernel = born_kernel(1, 8)

    def error(out, *flags):
        outcome = run("train", "few.h5", "--out", out, "--hidden", "6", "--steps", 25, *flags)
        assert outcome.code == 0, outcome.err
        return np.linalg.norm(load_run(out).learned[0].kernel(1) - kernel) / np.linalg.norm(kernel)

    assert error("both", "--directions", 4) < 0.1 * error("values", "--labels", "value")


@pytest.mark.parametrize(
    "flags", [("--optimizer", "adam", "--precision", "single"), ("--optimizer", "gauss-newton")]
)
@pytest.mark.parametrize("labels", ["value", "gradient"])
def test_other_ways_to_train(run, gradients, flags, labels):
    result = iterate(run, "g.h5", "new", "--labels", labels, *flags)
    assert all(network.linears[0].weight.dtype.is_floating_point for network in result.models[0])
    assert {str(p.dtype) for network in result.models[0] for p in network.parameters()} == {"torch.float64"}
    first, again = (result.learned[0].kernel(1), iterate(run, "g.h5", "again", "--labels", labels, *flags))
    np.testing.assert_array_equal(again.learned[0].kernel(1), first)


def test_the_plan_counts_derivatives(run, gradients):
    memory = [
        run("iterate", "g.h5", "--out", "new", *SMALL, "--dry-run", "--json", "--labels", labels).json
        for labels in ("value", "gradient")
    ]
    assert memory[0]["rounds"][0]["memory"] < memory[1]["rounds"][0]["memory"]
