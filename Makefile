# Everything runs in .venv, made from the locked requirements. `make demo` and `make test` are all that a new machine needs. What checks
# and tests sdk/ beyond the browser runs in Node, from node_modules, made from package-lock.json.

PYTHON ?= python3
BIN := .venv/bin
DATA ?= footfall-data
PORT ?= 8080
NODE_MODULES := $(if $(shell command -v npm),node_modules/installed,without-node)

.PHONY: help install dev demo serve check test bench bench-quality lock clean without-node

help:
	@echo "make demo    install into .venv and show a living shop on http://127.0.0.1:$(PORT)"
	@echo "make test    install with the development tools and run the tests"
	@echo "make serve   serve DATA (default $(DATA)) on PORT (default $(PORT))"
	@echo "make check   lint, types, direction of imports"
	@echo "make bench   measure, beside floors in the same run (about 25 minutes)"

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Footfall needs Python 3.11 or newer, and '$(PYTHON)' is $$($(PYTHON) -V 2>&1)."; \
		echo "Name another one: make PYTHON=python3.12 demo"; exit 1; }
	$(PYTHON) -m venv .venv || { echo "On Debian and Ubuntu: apt install python3-venv"; rm -rf .venv; exit 1; }

.venv/installed: .venv/bin/python requirements.lock pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@touch $@

.venv/installed-dev: .venv/installed requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

node_modules/installed: package.json package-lock.json
	npm ci --silent
	@touch $@

without-node:
	@test -z "$$CI" || { echo "npm is missing: apt-get install nodejs npm"; exit 1; }
	@echo "Without npm the types and the React package are not checked (Debian: apt install nodejs npm)."

install: .venv/installed

dev: .venv/installed-dev $(NODE_MODULES)

demo: install
	$(BIN)/footfall demo --port $(PORT)

serve: install
	$(BIN)/footfall serve --data $(DATA) --port $(PORT)

check: dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(if $(filter node_modules/%,$(NODE_MODULES)),node_modules/.bin/tsc --project tests/types)

test: dev
	$(BIN)/pytest -q -n 2 --dist loadscope

bench: dev
	$(BIN)/python -m tests.benchmarks

# On the recordings in ../shared/data, where they are.
bench-quality: dev
	$(BIN)/python -m tests.benchmarks.quality

# Renews the locked requirements; needs uv. No registry is named in them.
lock:
	uv pip compile pyproject.toml --group build --universal --generate-hashes --no-emit-index-url --no-annotate --no-header \
		--quiet --upgrade --output-file requirements.lock
	uv pip compile pyproject.toml --group build --group dev --universal --generate-hashes --no-emit-index-url --no-annotate \
		--no-header --quiet --upgrade --output-file requirements-dev.lock

clean:
	rm -rf .venv node_modules build dist bench-data .mypy_cache .ruff_cache .import_linter_cache .hypothesis
