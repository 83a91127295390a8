# make run and make test each work alone on a fresh machine: they set up what is missing first.

BIN := .venv/bin

.PHONY: help run test test-all lint setup setup-python setup-ngspice try-ngspice clean distclean

help:
	@echo 'make run        the quickstart experiment, from the device to the report'
	@echo 'make test       linters, types, import contract, tests without the slow ones'
	@echo 'make test-all   the same with the slow tests'
	@echo 'make lint       linters, types and import contract alone'
	@echo 'make setup      .venv with the pinned packages, and ngspice'
	@echo 'make clean      remove what tools and tests left behind (distclean: .venv and .ngspice too)'

run: setup
	@$(BIN)/spinbnn run quickstart

# one thread a process: the tests' own processes are the parallel part
test test-all: export OMP_NUM_THREADS = 1

test: lint try-ngspice
	@$(BIN)/python -m pytest -m "not slow"

test-all: lint try-ngspice
	@$(BIN)/python -m pytest

lint: setup-python
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

setup: setup-python setup-ngspice

setup-python:
	@sh tools/setup.sh python

# the order matters: the log of the set-up lies in .venv
setup-ngspice: setup-python
	@sh tools/setup.sh ngspice

# tests that need ngspice are skipped, with the reason, where it cannot be had
try-ngspice: setup-python
	@sh tools/setup.sh ngspice || echo 'setup: going on without ngspice; its tests will be skipped'

clean:
	@rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache docs/_build
	@find . -name __pycache__ -type d -not -path './.venv/*' -not -path './.git/*' -prune -exec rm -rf {} +

distclean: clean
	@rm -rf .venv .ngspice
