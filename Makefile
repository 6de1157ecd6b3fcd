# Everything that a person or CI types; `make help` lists it.
#
# Arguments go in ARGS:  make start ARGS="TCP 5"     make test ARGS="tests/paper -k vote"

.DEFAULT_GOAL := help
.PHONY: help start test check lint types layers format bench simulate faults redis proto clean FORCE
.NOTPARALLEL:
MAKEFLAGS += --no-builtin-rules --no-print-directory

PYTHON ?= python3
WORKERS ?= auto
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
RUNTIME_READY := $(VENV)/.runtime-ready
DEV_READY := $(VENV)/.dev-ready
CODE := $(wildcard src tests bench examples)
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

start: $(RUNTIME_READY) ## start a cluster and a prompt; ARGS="TCP 5" for five processes
	@exec $(BIN)/tf-raft start $(ARGS)

test: $(DEV_READY) ## run all tests
	@$(BIN)/python $(RUN_UNDER) -m pytest -n $(WORKERS) $(ARGS)

check: lint types layers ## what CI runs: format, lint, types, layers, tests, coverage
	@$(BIN)/coverage erase
	@$(MAKE) test RUN_UNDER="-m coverage run"
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report
	@$(BIN)/coverage report --include='src/tfraft/core/*,src/tfraft/store/*' --fail-under=100
	@$(BIN)/python -m pytest tests -m ci -n $(WORKERS)

lint: $(DEV_READY) ## format and lint, changing nothing
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check

types: $(DEV_READY) ## mypy --strict
	@$(BIN)/mypy $(CODE)

layers: $(DEV_READY) ## who may import whom
	@$(BIN)/lint-imports --no-cache --no-logo

format: $(DEV_READY) ## format the code and mend what ruff can mend
	@$(BIN)/ruff check --fix-only --quiet
	@$(BIN)/ruff format

bench: $(RUNTIME_READY) ## measure; see bench/
	@$(BIN)/python -m bench $(ARGS)

simulate: $(DEV_READY) ## the long simulator campaign
	@$(BIN)/python -m pytest tests/simulator -m campaign -n $(WORKERS) --timeout=0 $(ARGS)

faults: $(DEV_READY) ## the long campaign of kill -9 against real processes
	@$(BIN)/python -m pytest tests/process -m campaign --timeout=0 $(ARGS)

redis: $(DEV_READY) ## the long comparison with a real Redis
	@$(BIN)/python -m pytest tests/differential -m campaign --timeout=0 $(ARGS)

PROTO := tfraft/adapters/network/raft.proto
proto: $(DEV_READY) ## write the gRPC code anew from raft.proto
	@PATH="$(BIN):$$PATH" $(BIN)/python -m grpc_tools.protoc -I src \
	    --python_out=src --grpc_python_out=src --mypy_out=src --mypy_grpc_out=src $(PROTO)

clean: ## remove what the tools left; .venv stays
	@rm -rf build dist .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +

# --- the set-up: one virtual environment, two stamps ---------------------------------------------
#
# A stamp is newer than pyproject.toml and constraints.txt while what they name is installed, so that
# nothing runs the second time. It holds the directory: an environment does not survive being moved.

ifneq ($(shell test -x $(BIN)/python && cat $(RUNTIME_READY) 2>/dev/null),$(CURDIR))
$(RUNTIME_READY): FORCE
VENV_FLAGS := --clear
endif

$(RUNTIME_READY): pyproject.toml constraints.txt
	$(python_or_stop)
	@echo "Setting up $(VENV); up to a minute, and only when the dependencies change ..." >&2
	@$(PYTHON) -m venv $(VENV_FLAGS) $(VENV)
	@$(PIP_INSTALL) hatchling editables
	@$(PIP_INSTALL) --no-build-isolation --editable .
	@echo "$(CURDIR)" > $@

$(DEV_READY): $(RUNTIME_READY)
	@echo "Adding the tools for tests ..." >&2
	@$(PIP_INSTALL) --no-build-isolation --editable ".[dev]"
	@touch $@

python_or_stop = $(if $(python_fault),$(error $(python_fault)))
python_fault = $(shell $(PYTHON) -c '$(PYTHON_CHECK)' 2>/dev/null || echo "$(NEEDS_PYTHON) does not run")
NEEDS_PYTHON = tf-raft needs Python 3.11 or newer; $(PYTHON)
NEEDS_VENV = tf-raft needs the venv module of Python; on Debian: apt install python3-venv
PYTHON_CHECK = import sys; \
    print("$(NEEDS_PYTHON) is %d.%d.%d" % sys.version_info[:3] if sys.version_info < (3, 11) else \
    "" if __import__("importlib.util").util.find_spec("ensurepip") else "$(NEEDS_VENV)")
