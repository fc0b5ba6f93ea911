# Two commands for a new user: `make run` and `make test`. Both set up what they need in .venv; python3 must be 3.11 or newer.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
TARGET ?= bert-base-cased

.DEFAULT_GOAL := help
.PHONY: help run test check lint types contracts unit format clean

help:  ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

run: $(BIN)/.ready  ## Run the main job offline: `memscan bert-base-cased` against the fixtures behind a loopback Hub
	@$(BIN)/python -m tests.hub -- $(BIN)/memscan $(TARGET)

test: check unit  ## Run everything: format, lint, types, contracts, tests

check: lint types contracts

lint: $(BIN)/.ready
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .

types: $(BIN)/.ready
	$(BIN)/mypy

contracts: $(BIN)/.ready
	$(BIN)/lint-imports --no-logo

unit: $(BIN)/.ready
	$(BIN)/python -m pytest -q

format: $(BIN)/.ready  ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:  ## Remove what the build and the tests leave behind
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

$(BIN)/.ready: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "memscan needs Python 3.11 or newer; set PYTHON=")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable . --group dev
	@touch $@
