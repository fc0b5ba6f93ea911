# Two commands for a new user: `make run` and `make test`. Both set up what they need in .venv; python3 must be 3.11 or newer.
# `make test` adds torch and transformers to it; `make test-light` has an environment without them, .venv-light.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
LIGHT := $(VENV)-light/bin
TIMM := $(VENV)-timm/bin
WEB := $(VENV)-web/bin
ORACLE := $(VENV)-oracle/bin
PEERS := $(VENV)-peers/bin
ACCELERATE := $(VENV)-accelerate/bin
SERVER := $(VENV)-server/bin
TARGET ?= bert-base-cased

.DEFAULT_GOAL := help
.PHONY: help run test test-light test-timm test-web serve screenshots load oracle table bench check lint types contracts unit format clean

help:  ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

run: $(BIN)/.ready  ## Run the main job offline: `memscan bert-base-cased` against the fixtures behind a loopback Hub
	@$(BIN)/python -m tests.hub -- $(BIN)/memscan $(TARGET)

test: check unit test-web  ## Run everything but test-timm: format, lint, types, contracts, tests

# Half of their time is waiting for servers that hang on purpose: that half runs beside the other.
WAITING := tests/source tests/parts tests/batch
LIGHTLY := MEMSCAN_SUITE=light $(LIGHT)/python -m pytest -q -m "not torch and not timm"

test-light: $(LIGHT)/.ready  ## Run the tests that need no torch, in an environment without it
	@$(LIGHTLY) $(WAITING) > $(LIGHT)/waiting.log 2>&1 & waiting=$$!; \
	$(LIGHTLY) $(WAITING:%=--ignore=%); first=$$?; \
	wait $$waiting; second=$$?; cat $(LIGHT)/waiting.log; exit $$((first | second))

test-timm: $(TIMM)/.ready  ## Run the tests that need timm, in an environment with the torch that its torchvision is built for
	MEMSCAN_SUITE=timm $(TIMM)/python -m pytest -q tests/oracle/test_meta_timm.py

test-web: $(WEB)/.ready  ## Run the tests of the page in the Chromium or Chrome that is here, in an environment with Gradio
	MEMSCAN_SUITE=gradio $(WEB)/python -m pytest -q tests/web/browser

serve: $(WEB)/.ready  ## Serve the page offline, against the fixtures behind a loopback Hub
	@$(WEB)/python -m tests.hub -- $(WEB)/memscan serve

screenshots: $(WEB)/.ready  ## Make the screenshots of docs/ anew, in the Chromium or Chrome that is here
	$(WEB)/python -m tools.screenshots docs

load: $(WEB)/.ready  ## Let 50 users ask the page at once for a minute, and print how long answers took
	$(WEB)/python -m tests.web.load --users 50 --seconds 60

# Where the cases go, and a checkout of llama.cpp; without one its quantizations are not made again.
CASES ?= $(VENV)-oracle/cases
LLAMA_CPP ?=

oracle: $(ORACLE)/.ready-quantization  ## Compare with every architecture and quantization that the libraries can build: about an hour; writes docs/accuracy.md, docs/accuracy-running.md
	OMP_NUM_THREADS=1 $(ORACLE)/python tools/oracle/truth.py $(CASES) --crossed
	$(ORACLE)/python tools/accuracy.py $(CASES)
	OMP_NUM_THREADS=1 $(ORACLE)/python -m tools.activations --count 2 --output fixtures/activations/peaks.json
	$(ORACLE)/python -m tools.measured
	OMP_NUM_THREADS=1 $(ORACLE)/python tools/quantizers --output $(CASES)/libraries.json
	MEMSCAN_SUITE=light MEMSCAN_LIBRARIES=$(abspath $(CASES))/libraries.json $(ORACLE)/python -m pytest -q tests/quantizers/test_libraries.py
	@if [ -z "$(LLAMA_CPP)" ]; then echo "llama.cpp: set LLAMA_CPP to a checkout of it to compare its quantizer too"; fi
	$(if $(LLAMA_CPP),$(MAKE) --no-print-directory oracle-llama-cpp)

table: $(ORACLE)/.ready  ## Make the architecture table anew, from the transformers that the oracle compares with, and what else is made of it: an hour
	OMP_NUM_THREADS=1 $(ORACLE)/python tools/build_architectures.py
	OMP_NUM_THREADS=1 $(ORACLE)/python tools/build_defaults.py
	OMP_NUM_THREADS=1 $(ORACLE)/python tools/build_module_order.py
	OMP_NUM_THREADS=1 $(ORACLE)/python tools/cache_model_types.py

# QUICK=1 prints a few cases at one round trip; TORCH= leaves out accelerate, which needs torch.
QUICK ?=
TORCH ?= 1
BENCH_WITH := $(PEERS)/.ready $(if $(QUICK),,$(SERVER)/.ready $(if $(TORCH),$(ACCELERATE)/.ready))
BENCH_FULL := --server $(SERVER)/python $(if $(TORCH),--torch $(ACCELERATE)/python) --output docs/performance.md

bench: $(BIN)/.ready $(BENCH_WITH)  ## Measure memscan beside the floor and its peers; writes docs/performance.md and its plots: 12 minutes, QUICK=1: one
	$(BIN)/python -m benchmarks --peers $(PEERS)/python $(if $(QUICK),--quick --repeat 2,$(BENCH_FULL))

.PHONY: oracle-llama-cpp
oracle-llama-cpp: $(ORACLE)/.ready-llama-cpp
	OMP_NUM_THREADS=1 PYTHONPATH=$(LLAMA_CPP):$(LLAMA_CPP)/gguf-py $(ORACLE)/python tools/llama_cpp --output $(CASES)/ggml.json
	MEMSCAN_SUITE=light MEMSCAN_GGML=$(abspath $(CASES))/ggml.json $(ORACLE)/python -m pytest -q tests/quantizers/test_ggml_recorded.py

check: lint types contracts

lint: $(BIN)/.ready
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --no-cache --quiet .  # an entry of its cache outlives a module that came to be called the same as another

types: $(BIN)/.ready
	$(BIN)/mypy

contracts: $(BIN)/.ready
	$(BIN)/lint-imports --no-logo

unit: $(BIN)/.ready-torch
	MEMSCAN_SUITE=torch $(BIN)/python -m pytest -q

format: $(BIN)/.ready  ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:  ## Remove what the build and the tests leave behind
	rm -rf $(VENV) $(VENV)-light $(VENV)-timm $(VENV)-web $(VENV)-oracle $(VENV)-peers $(VENV)-accelerate $(VENV)-server build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

# $(call environment,FOLDER,GROUP) makes one, with memscan in it as it stands here.
define environment
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "memscan needs Python 3.11 or newer; set PYTHON=")'
	$(PYTHON) -m venv $(1)
	$(1)/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(1)/bin/python -m pip install --quiet --editable . --group $(2)
	@touch $@
endef

$(BIN)/.ready: pyproject.toml
	$(call environment,$(VENV),dev)

$(BIN)/.ready-torch: $(BIN)/.ready
	$(BIN)/python -m pip install --quiet --group torch
	@touch $@

$(LIGHT)/.ready: pyproject.toml
	$(call environment,$(VENV)-light,dev)

$(TIMM)/.ready: pyproject.toml
	$(call environment,$(VENV)-timm,timm)

$(WEB)/.ready: pyproject.toml
	$(call environment,$(VENV)-web,web)

$(ORACLE)/.ready: pyproject.toml
	$(call environment,$(VENV)-oracle,oracle)

$(ORACLE)/.ready-quantization: $(ORACLE)/.ready
	$(ORACLE)/python -m pip install --quiet --no-deps --group quantization
	@touch $@

$(ORACLE)/.ready-llama-cpp: $(ORACLE)/.ready
	$(ORACLE)/python -m pip install --quiet --group llama-cpp
	@touch $@

# $(call pinned,FOLDER,FILE) makes one with what FILE pins, and without memscan.
define pinned
	$(PYTHON) -m venv $(1)
	$(1)/bin/python -m pip install --quiet --requirement $(2)
	@touch $@
endef

$(PEERS)/.ready: benchmarks/peers.txt
	$(call pinned,$(VENV)-peers,$<)

$(ACCELERATE)/.ready: benchmarks/peers-torch.txt
	$(call pinned,$(VENV)-accelerate,$<)

$(SERVER)/.ready: benchmarks/server.txt
	$(call pinned,$(VENV)-server,$<)
