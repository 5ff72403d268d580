"""What stands in a run beside its networks: where they come from, held-out potentials, and baselines."""

import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from .. import __version__
from ..compute.group import processes
from ..datasets.labelled import Labelled
from .baselines import fit_baselines, save_baselines
from .data import StudyData
from .writing import RunDirectory

_HELD_OUT_ROWS = 4096  # kept with the run for comparisons, whatever the dataset's size


def write_setting(
    run: RunDirectory,
    data: StudyData,
    source: str | Path,
    device: torch.device,
    command: Sequence[str],
) -> None:
    """What stands beside the networks: provenance, held-out potentials and baselines."""
    training, dataset = data.training, data.dataset
    kept = data.held_out.rows(np.arange(min(len(data.held_out), _HELD_OUT_ROWS)))
    run.write_arrays("held_out.safetensors", _held_out(kept))
    save_baselines(run, fit_baselines(training, dataset.cells, data.study.seed))
    run.write_json(
        "provenance.json",
        {
            **versions(),
            "platform": platform.platform(),
            "device": str(device),
            "threads": torch.get_num_threads(),
            "processes": processes(),
            "seed": data.study.seed,
            "cells": dataset.cells,
            **({} if dataset.reference is None else {"reference": dataset.reference.tolist()}),
            "dataset": {
                "file": str(source),
                "sha256": dataset.sha256,
                "samples": len(dataset),
                "configuration": dataset.configuration,
            },
            **({} if data.study.reason is None else {"chosen": data.study.reason}),
            **({} if data.noise is None else {"noise": asdict(data.noise)}),
            "command": list(command) or sys.argv,
        },
    )


def versions() -> dict[str, str]:
    """Of bornnet, and of what its rounding depends on."""
    return {
        "bornnet": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "torch": torch.__version__,
    }


def _held_out(kept: Labelled) -> dict[str, np.ndarray]:
    arrays = {
        "potentials": kept.potentials[:],
        "scattering_length": kept.values,
        "strength": kept.strength,
    }
    arrays |= {} if kept.sigma is None else {"sigma": kept.sigma}
    return arrays if kept.gradient is None else {**arrays, "gradient": kept.gradient[:]}
