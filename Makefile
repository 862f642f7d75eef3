# `make plan` and `make test` set everything up on a fresh machine with Python 3.11+ and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
WORKERS ?= 2
# times a failing test is tried again; the summary names each one
RERUNS ?= 0

.DEFAULT_GOAL := help
.PHONY: plan test check bench golden docs services-up services-down setup lock policies clean help

INSTALL = $(BIN)/python -m uv pip install -q --python $(BIN)/python

$(VENV)/.uv:
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check uv
	@touch $@

$(VENV)/.run: requirements/run.txt pyproject.toml $(VENV)/.uv
	@$(INSTALL) --compile-bytecode -r requirements/run.txt
	@$(INSTALL) --no-deps -e .
	@touch $@

$(VENV)/.dev: requirements/dev.txt pyproject.toml $(VENV)/.uv
	@$(INSTALL) -r requirements/dev.txt
	@$(INSTALL) --no-deps -e .
	@touch $(VENV)/.run $@

plan: $(VENV)/.run ## plan the shipped goal: real demand, embedded parts only
	@$(BIN)/dyocense plan goals/grocery-weekly.yaml

test: $(VENV)/.dev ## run all tests; those of absent servers are skipped by name
	@$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile --reruns $(RERUNS)

check: $(VENV)/.dev ## format, lint, types, imports, unit, golden, property, architecture
	@$(BIN)/ruff check dyocense_cli tests benchmarks scripts
	@$(BIN)/mypy -p dyocense_cli
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest -q -n $(WORKERS) tests/unit tests/golden tests/property tests/architecture

setup: $(VENV)/.dev ## install everything for development

golden: $(VENV)/.dev ## rewrite golden files; read the diff before you commit
	@DYOCENSE_GOLDEN=rewrite $(BIN)/python -m pytest -q tests/golden || true
	@$(BIN)/dyocense golden update goals/golden/*.golden.yaml
	@git diff --stat -- tests/golden goals/golden

policies: $(VENV)/.dev ## build the shipped policies, then test them
	@$(BIN)/python scripts/build_policies.py
	@$(BIN)/dyocense policy test policies

bench: $(VENV)/.dev ## run every benchmark; each prints ratios against its peers
	@for b in benchmarks/*.py; do echo "== $$b"; $(BIN)/python $$b || exit 1; done

docs: $(VENV)/.dev ## generate the reference and build the site into site/
	@$(BIN)/python scripts/make_docs.py
	@$(BIN)/python -m mkdocs build -q --strict

services-up: ## start the servers that tests need, on loopback; eval its output
	@bash scripts/services/services.sh up

services-down: ## stop them
	@bash scripts/services/services.sh down

lock: ## pin all dependencies anew
	@uv pip compile -q --universal --no-annotate --no-header --no-emit-index-url --python-version 3.11 pyproject.toml -o requirements/run.txt
	@uv pip compile -q --universal --no-annotate --no-header --no-emit-index-url --python-version 3.11 --extra dev pyproject.toml -o requirements/dev.txt

clean: ## remove what was made here
	@rm -rf $(VENV) .dyocense .mypy_cache .ruff_cache .pytest_cache .hypothesis site dist build

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16
