# `make study` and `make test` do everything on a fresh machine; each sets up .venv first where needed.

PYTHON ?= python3
PRESET ?= quick
RUN := runs/$(PRESET)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
CHECKED := bornnet cli data tests
# One process of tests a core, each with one thread.
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1

.DEFAULT_GOAL := help
.PHONY: help install study dependence test coverage test-slow bench lint clean

help:  ## Show what there is.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(READY)  ## Create .venv with the package and its pinned dependencies.

$(READY): pyproject.toml .ci/constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "bornnet needs Python 3.11 or newer: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint .ci/constraints.txt torch setuptools
	$(BIN)/python -m pip install --quiet --constraint .ci/constraints.txt --editable '.[test,lint]'
	@touch $(READY)

study: $(READY)  ## Generate, iterate and compare with the preset quick (PRESET=standard for 64 cells).
	@test -f $(RUN)/data.h5 || $(BIN)/bornnet generate $(RUN)/data.h5 --preset $(PRESET)
	@$(BIN)/bornnet iterate $(RUN)/data.h5 --out $(RUN) --preset $(PRESET) --resume
	@$(BIN)/bornnet compare-born $(RUN) --report $(RUN)/report.html --force

dependence: $(READY)  ## How errors depend on network, training and data: 3 seeds a setting.
	@$(BIN)/bornnet study dependence --out runs/dependence --resume

test: $(READY)  ## Run all tests but the slow ones.
	$(ONE_THREAD) $(BIN)/python -m pytest -n logical --dist worksteal -m 'not slow'

coverage: $(READY)  ## The same, with the lines that no test runs.
	$(ONE_THREAD) $(BIN)/python -m pytest -n logical --dist worksteal --cov --cov-report=term:skip-covered -m 'not slow'

test-slow: $(READY)  ## Run the slow tests: many kills, many examples.
	$(ONE_THREAD) $(BIN)/python -m pytest -n logical --dist worksteal -m slow

bench: $(READY)  ## Measure speed and accuracy, threads stated.
	$(BIN)/python tests/benchmarks/physics.py
	$(BIN)/python tests/benchmarks/derivatives.py
	$(BIN)/python tests/benchmarks/precision.py --plot precision.png
	$(BIN)/python tests/benchmarks/scale.py

lint: $(READY)  ## Check style and types.
	$(BIN)/ruff check $(CHECKED)
	$(BIN)/ruff format --check $(CHECKED)
	$(BIN)/mypy bornnet cli

clean:  ## Remove .venv and caches; runs stay.
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
