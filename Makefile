# Everything a person does with a checkout. `make help` lists it.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEMO_STAMP := $(VENV)/.installed-for-demo

.DEFAULT_GOAL := help
.PHONY: help setup demo wheel bench test test-slow test-lowest lint types check format reliability docs dist check-tag notes test-wheel audit mutants clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

# The demo needs the package and the emulator alone, so it doesn't wait for the tools of the tests.
$(DEMO_STAMP): pyproject.toml constraints.txt
	@echo "Setting up $(VENV) (once; half a minute or so) …"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[testing]'
	@touch $@

$(STAMP): $(DEMO_STAMP)
	@echo "Installing what the tests need (once; a minute or so) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

setup: $(STAMP) ## a virtual environment with everything the rest needs

demo: $(DEMO_STAMP) ## the quickstart from `up` to `destroy`, on this machine (ENGINE=embedded|pulumi)
	@$(BIN)/python -m examples.demo '$(ENGINE)'

wheel: $(DEMO_STAMP) ## the package, in dist/, to keep beside a program
	@$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .
	@ls dist/*.whl

lint: $(STAMP) ## style, import direction, workflows
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/zizmor --offline --no-progress --quiet --strict-collection .github examples/pipelines/github

types: $(STAMP) ## strict type check
	$(BIN)/mypy

format: $(STAMP) ## let ruff rewrite what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: $(STAMP) ## the test suite
	$(BIN)/pytest -n auto --dist worksteal -m "not slow"

test-slow: $(STAMP) ## kills, faults, random histories, all scenarios with the plugin, the wheel alone
	$(BIN)/pytest -n auto --dist worksteal -m slow --new-processes

bench: $(STAMP) ## how long runs take, against Pulumi alone (half an hour)
	$(BIN)/python -m benchmarks

reliability: $(STAMP) ## every way in which an answer can go wrong, as docs/reliability.md
	@$(BIN)/python -m tests.reliability

docs: $(STAMP) ## the pages that are made from the declarations, and the picture of the demo
	@$(BIN)/python -m tools.documents
	@$(BIN)/python -m examples.demo embedded docs/demo.svg > /dev/null

RELEASE := .venv-release
$(RELEASE)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -m venv $(RELEASE)
	@$(RELEASE)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[release]'
	@touch $@

dist: $(RELEASE)/.installed ## what a release has, built and checked in dist/
	@$(RELEASE)/bin/python -m tools.release dist

check-tag: $(RELEASE)/.installed ## refuse a tag that isn't the version (TAG=v1.2.3)
	@$(RELEASE)/bin/python -m tools.release check-tag '$(TAG)'

notes: $(RELEASE)/.installed ## the changelog's section for the version
	@$(RELEASE)/bin/python -m tools.release notes

test-wheel: $(STAMP) ## the wheel in dist/ alone: a program and the command line
	@WHEEL="$$(ls dist/*.whl)" $(BIN)/pytest -m slow tests/test_wheel.py

audit: $(STAMP) ## known vulnerabilities of everything that constraints.txt pins (asks PyPI)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[audit,mutants,release]'
	@$(BIN)/python -m pip freeze --disable-pip-version-check --exclude-editable > $(VENV)/pinned.txt
	$(BIN)/pip-audit --strict --no-deps --disable-pip --progress-spinner off -r $(VENV)/pinned.txt

MUTANTS ?=
MINUTES ?= 20
mutants: $(STAMP) ## changes of the decisions that no test notices (MUTANTS='*.rotation.*' MINUTES=20)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[mutants]'
	@timeout $(MINUTES)m $(BIN)/mutmut run $(if $(MUTANTS),'$(MUTANTS)') || true
	@$(BIN)/mutmut results

LOWEST := .venv-lowest
test-lowest: constraints.txt pyproject.toml ## the scenarios with the lowest versions that are supported
	$(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check $(shell \
	  sed -nE '/^dependencies/,/^]/s/^ *"([a-z]+)>=([0-9.]+).*/\1==\2/p' pyproject.toml)
	$(LOWEST)/bin/python -m pytest -n auto tests/scenarios tests/lifecycle tests/api tests/dynamic tests/cli

check: lint types test ## what CI runs

clean: ## remove what the above made
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis mutants
