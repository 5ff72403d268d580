"""A learner that bornnet does not ship is trained, iterated, stored, opened and compared by its commands."""

import json
import math

import numpy as np
import pytest
from bornnet.cli.main import main

from bornnet import load_run, register
from bornnet.config.load import load_config
from bornnet.config.registry import learner_names
from bornnet.config.schema import LearnerConfig
from bornnet.errors import InputError
from bornnet.learners.base import Learner, State
from bornnet.learners.direct import Direct


class Ridge(LearnerConfig):
    penalty: float = 1e-12


class Linear(Learner):
    """f(U) = k . U by weighted least squares with a small penalty: all of a learner that has order 1
    alone."""

    kind = "linear"

    def __init__(self, k):
        self.k = k

    def __call__(self, U):
        return U @ self.k

    def taylor_terms(self, U, order, at=None):
        rows = [np.zeros(len(U)) if at is None else np.full(len(U), at @ self.k), self(U)]
        return np.array([*rows, *np.zeros((max(0, order - 1), len(U)))][: order + 1])

    def derivative_tensor(self, order, at=None, packed=False, cells=None):
        if order == 1:
            return self.k
        size = (math.comb(len(self.k) + order - 1, order),) if packed else (len(self.k),) * order
        return np.zeros(size)

    def rescaled(self, inputs, output):
        return Linear(output * inputs * self.k)

    def state(self):
        return State({"k": self.k}, {})

    @classmethod
    def from_state(cls, state):
        return cls(state.arrays["k"])

    @classmethod
    def begin(cls, problem, task, config):
        def solve(given):
            x, weights = given.training.loaded().inputs.numpy(), given.training.weights.numpy()
            A, b = x * weights[:, None], given.training.targets.numpy() * weights
            return cls(np.linalg.solve(A.T @ A + config.penalty * np.eye(len(A.T)), A.T @ b))

        return Direct(problem, solve)


register("linear", Ridge, Linear)


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def command(*arguments):
        code = main(list(arguments))
        captured = capsys.readouterr()
        assert code == 0, captured.err
        return json.loads(captured.out)

    command("generate", "d.h5", "--samples", "400", "--cells", "3", "--strength", "0.003", "0.3", "--json")
    return command


def test_the_commands_know_it(command):
    trained = command("train", "d.h5", "--out", "t", "--learner", "linear", "--json")
    assert len(trained["fits"][0]) == 1
    iterated = command("iterate", "d.h5", "--out", "r", "--learner", "linear", "--rounds", "2", "--json")
    assert len(iterated["fits"][0]) == 2
    compared = command("compare-born", "r", "--report", "r.html", "--json")
    assert compared["learner"] == "linear"
    assert compared["orders"][0]["kernel_error"] < 0.2
    assert compared["orders"][1]["kernel_error"] == 1
    run = load_run("r")
    assert [[type(learner) for learner in member] for member in run.models] == [[Linear, Linear]]
    assert run.config.penalty == 1e-12
    np.testing.assert_array_equal(run.learned[0].kernel(1), run.models[0][0].k)


def test_it_stands_in_chains_presets_and_files(command, tmp_path):
    (tmp_path / "study.toml").write_text("[linear]\npenalty = 1e-9\n[mlp]\nhidden = [5]\n")
    arguments = ("iterate", "d.h5", "--out", "c", "--learner", "linear,mlp", "--config", "study.toml")
    command(*arguments, "--rounds", "1", "--steps", "30", "--json")
    alone = ("iterate", "d.h5", "--out", "m", "--hidden", "5", "--rounds", "1", "--steps", "30", "--json")
    command(*alone)
    chain, network = (command("compare-born", name, "--json") for name in ("c", "m"))
    assert chain["learner"] == "linear,mlp"
    assert chain["orders"][1]["kernel_error"] < 1 > network["orders"][1]["kernel_error"]
    run = load_run("c")
    assert (run.config.settings[0].penalty, run.config.settings[1].hidden) == (1e-9, (5,))
    (whole,) = run.learners[0]
    U = np.random.default_rng(0).uniform(0, 0.1, (4, 3))
    np.testing.assert_allclose(whole(U), whole.parts[0](U) + whole.parts[1](U), rtol=1e-14)
    preset = load_config("quick", overrides={"learner": "linear"})
    assert not hasattr(preset.settings[0], "hidden")


def test_a_chain_resumes_where_it_was_stopped(tmp_path):
    """Stopped within the second learner, as at any step: the same bits as without a stop."""
    from fit_cases import samples

    from bornnet.learners.base import Task
    from bornnet.learners.chain import Chain
    from bornnet.learners.mlp.config import Config
    from bornnet.training.problem import Problem

    problem = Problem(samples(), samples())
    cells = problem.training.inputs.shape[1]
    settings = Chain.settings((("linear", Ridge()), ("mlp", Config(hidden=(4,), steps=(8,)))))

    def begin():
        return Chain.begin(problem, Task(cells, 1), settings)

    whole = begin()
    states = []
    whole.run(lambda progress: states.append(whole.state()))
    for state in states[:-1]:
        again = begin()
        again.load_state(state)
        again.run()
        assert again.progress.curve == whole.progress.curve
        for mine, other in zip(again.learned().parts, whole.learned().parts, strict=True):
            for name, array in mine.state().arrays.items():
                np.testing.assert_array_equal(array, other.state().arrays[name])


def test_names_that_cannot_be_registered():
    register("linear", Ridge, Linear)  # the same again is nothing new
    with pytest.raises(InputError, match="'mlp' is there already"):
        register("mlp", Ridge, Linear)
    with pytest.raises(InputError, match="letters"):
        register("a,b", Ridge, Linear)
    assert "linear" in learner_names()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"learner": "mpl"}, r"--learner: expected one of mlp, .*; got 'mpl'. Did you mean 'mlp'\?"),
        ({"learner": "mlp,mlp"}, "expected different learners"),
        (
            {"learner": "polynomial", "hidden": (3,)},
            "--hidden: a setting of learner mlp .* but polynomial is",
        ),
        ({"degree": 2}, "--degree: a setting of learner polynomial, but mlp is chosen"),
    ],
)
def test_what_is_refused(values, message):
    with pytest.raises(InputError, match=message):
        load_config(overrides=values)


def test_settings_of_a_preset_that_belong_to_another_learner_are_passed_over():
    config = load_config("quick", overrides={"learner": "polynomial"})
    assert (config.learner, config.rounds, config.settings[0].degree) == (("polynomial",), 1, 3)
