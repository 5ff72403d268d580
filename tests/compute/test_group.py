"""Two processes that fit together walk the path of one, agree on everything, and notice when one is gone."""

import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from fit_cases import SETTINGS, model, samples, uniform
from torch import multiprocessing
from torch.nn.utils import parameters_to_vector

from bornnet.compute import group
from bornnet.errors import InputError, WorkerLost
from bornnet.files.view import View
from bornnet.training.fit import Fit
from bornnet.training.problem import Problem, Slopes

# Rounding grows along a path, fastest along those of L-BFGS (20 iterations a step) and conjugate gradients.
STEPS = {"levenberg-marquardt": 8, "gauss-newton": 3, "l-bfgs": 1, "adam": 12}
CASES = [(name, sloped) for name in STEPS for sloped in (False, True)]  # among the rows none are shared


def problem(sloped):
    """61 samples to fit, so that shares differ, and one to judge by, so that a share is empty."""

    def along(part):
        x = part.inputs
        directions = uniform(len(x), 2, 3, seed=4)
        gradient = torch.cos(x.sum(1))[:, None] + x[:, [1, 0]] @ torch.eye(2, 3, dtype=x.dtype)
        slopes = Slopes(directions, (directions @ gradient[:, :, None])[:, :, 0], 1 + x[:, 1].abs())
        return replace(part, slopes=slopes) if sloped else part

    return Problem(along(samples(61)), along(samples(1, seed=9)))


def fitted(name, sloped):
    settings = replace(SETTINGS[name], steps=STEPS[name])
    share = problem(sloped).share(group.rank(), group.processes())
    fit = Fit(model(2), share, settings)
    fit.run()
    return parameters_to_vector(fit.model.parameters()).detach(), fit.progress.curve


def fail(message):
    raise InputError(message)


def both(rank, port, folder):
    """What each of the two processes does."""
    torch.set_num_threads(1)
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    group.join()
    assert (group.rank(), group.processes()) == (rank, 2)
    torch.save({case: fitted(*case) for case in CASES}, folder / f"fits-{rank}.pt")

    assert group.decided(rank == 0)
    assert not group.decided(rank == 1)
    assert group.at_first(lambda: ("of", rank)) == ("of", 0)
    assert group.everywhere(lambda: rank) == rank
    for action in (
        lambda: group.at_first(lambda: fail("first")),
        lambda: group.everywhere(lambda: fail("second") if rank else None),
    ):
        with pytest.raises(InputError, match=r"first|second"):
            action()
    (folder / f"agreed-{rank}").touch()
    if rank == 1:
        os._exit(0)  # without a word
    with pytest.raises(WorkerLost, match="one of 2 processes that train together is gone"):
        group.total(torch.ones(3))
    (folder / "noticed").touch()
    group.leave(0)  # gloo's own threads may mind the loss when they are joined


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder: Path = tmp_path_factory.mktemp("parallel")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    multiprocessing.spawn(both, (port, folder), nprocs=2)
    return folder


@pytest.mark.parametrize(("name", "sloped"), CASES)
def test_two_processes_walk_the_path_of_one(folder, name, sloped):
    first, second = (torch.load(folder / f"fits-{rank}.pt", weights_only=True) for rank in (0, 1))
    weights, curve = fitted(name, sloped)
    assert len(curve) == STEPS[name]
    together, their_curve = first[name, sloped]
    assert float((together - weights).norm() / weights.norm()) < 1e-9
    torch.testing.assert_close(torch.tensor(their_curve), torch.tensor(curve), rtol=1e-9, atol=1e-12)
    assert torch.equal(second[name, sloped][0], together)


def test_errors_and_decisions_are_shared(folder):
    assert (folder / "agreed-0").exists()
    assert (folder / "agreed-1").exists()


def test_a_lost_process_is_noticed(folder):
    assert (folder / "noticed").exists()


@pytest.mark.parametrize("count", [0, 1, 2, 3, 10])
@pytest.mark.parametrize("processes", [1, 2, 3, 7])
def test_shares_make_up_the_whole(count, processes):
    whole = samples(count)
    read = replace(whole, inputs=View(whole.inputs.numpy()))
    for rank in range(processes):
        share, other = whole.share(rank, processes), read.share(rank, processes)
        assert len(share) == len(other) == len(share.inputs) == len(other.inputs)
        for part in ("inputs", "targets", "weights"):
            assert torch.equal(
                getattr(share.rows(slice(0, None)), part), getattr(whole, part)[rank::processes]
            )
        assert torch.equal(other.rows(slice(1, 3)).inputs, share.inputs[1:3])
        index = torch.arange(len(share)).flip(0)
        assert torch.equal(other.rows(index).inputs, share.inputs[index])


def test_one_process_is_left_alone():
    assert (group.rank(), group.processes(), group.local_rank()) == (0, 1, 0)
    assert group.at_first(lambda: 5) == group.everywhere(lambda: 5) == 5
    assert group.decided(True)
    assert torch.equal(group.total(torch.ones(2)), torch.ones(2))
