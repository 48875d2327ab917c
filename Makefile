# Everything a person does with a checkout. `make help` lists it.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup demo bench test test-slow test-lowest lint types check format reliability clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

$(STAMP): pyproject.toml constraints.txt
	@echo "Setting up $(VENV) (once; a minute or so) …"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

setup: $(STAMP) ## a virtual environment with everything the rest needs

demo: $(STAMP) ## the quickstart from `up` to `destroy`, on this machine (ENGINE=embedded|pulumi)
	@$(BIN)/python -m examples.demo '$(ENGINE)'

lint: $(STAMP) ## style and import direction
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(STAMP) ## strict type check
	$(BIN)/mypy

format: $(STAMP) ## let ruff rewrite what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: $(STAMP) ## the test suite
	$(BIN)/pytest -n auto --dist worksteal -m "not slow"

test-slow: $(STAMP) ## kills, faults, random histories, all scenarios with the plugin, the wheel alone
	$(BIN)/pytest -n auto --dist worksteal -m slow

bench: $(STAMP) ## how long runs take, against Pulumi alone (half an hour)
	$(BIN)/python -m benchmarks

reliability: $(STAMP) ## every way in which an answer can go wrong, as docs/reliability.md
	@$(BIN)/python -m tests.reliability

LOWEST := .venv-lowest
test-lowest: constraints.txt pyproject.toml ## the scenarios with the lowest versions that are supported
	$(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check $(shell \
	  sed -nE '/^dependencies/,/^]/s/^ *"([a-z]+)>=([0-9.]+).*/\1==\2/p' pyproject.toml)
	$(LOWEST)/bin/python -m pytest -n auto tests/scenarios tests/lifecycle tests/api tests/dynamic tests/cli

check: lint types test ## what CI runs

clean: ## remove what the above made
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis
