PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Each worker spends seconds on imports, so more than two pay off on large machines only.
WORKERS ?= 2
PYTEST := $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal
# Keeps bytecode even where the environment forbids it: every process would compile PyTorch's sources, for ten seconds.
export PYTHONDONTWRITEBYTECODE :=
EXTRAS := dev,tensorboard,lsun,hf,hdf5,tiff,sweeps,report,board,demo,export,hub,video,docs,notebooks

.DEFAULT_GOAL := help
.PHONY: help train test test-slow test-chaos test-gpu lint format bench docs clean

help: ## show this
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "ganexp needs Python 3.11 or newer: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt uv
ifdef CPU
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --torch-backend cpu --constraint constraints.txt torch torchvision \
		2>/dev/null || echo 'The index of builds without CUDA cannot be reached: installing the default build of PyTorch.'
endif
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --constraint constraints.txt --editable '.[$(EXTRAS)]'
	@touch $@

train: $(READY) ## train a DCGAN on handwritten digits; ARGS="model=gan data=mnist" for others, CPU=1 without CUDA
	$(BIN)/python -m ganexp $(ARGS)

test: $(READY) ## run the default test suite
	$(PYTEST) $(ARGS)

test-slow: $(READY) ## run the slow tests
	$(PYTEST) -m slow --timeout 1200 $(ARGS)

test-chaos: $(READY) ## kill every model again and again, and read hostile folders (about 7 minutes on two cores)
	$(PYTEST) -m chaos --timeout 1200 $(ARGS) tests/chaos

# Uses the existing environment and installs nothing.
test-gpu: ## run all tests, models and commands on a GPU; ARGS="out=DIR"
	PYTHONPATH=src:$$PYTHONPATH $(or $(wildcard $(BIN)/python),$(PYTHON)) tests/gpu/run.py $(ARGS)

lint: $(READY) ## check style, types and the layering of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY) ## format the code
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

bench: $(READY) ## measure speed and memory against bare PyTorch
	$(BIN)/python benchmarks/train_step.py
	$(BIN)/python benchmarks/input_pipeline.py
	$(BIN)/python benchmarks/startup.py

docs: $(READY) ## build the documentation's site, site/index.html
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

clean: ## remove the environment and all caches, but no runs
	rm -rf $(VENV) build dist site .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
