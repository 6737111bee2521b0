# One command for each thing a person does here; `make` alone lists them.
SHELL := /bin/bash
PY := .venv/bin/python

help:           ## list the commands
	@grep -E '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.venv/run.stamp: requirements.lock pyproject.toml
	test -x $(PY) || python3 -m venv .venv
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

.venv/dev.stamp: requirements-dev.lock .venv/run.stamp
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	touch $@

setup: .venv/dev.stamp          ## everything a developer needs, in .venv

.venv/site.stamp: .venv/run.stamp zensical.toml $(shell find docs -name '*.md')
	.venv/bin/zensical build --clean --strict >/dev/null
	touch $@

docs: .venv/site.stamp          ## build the documentation site into the package, which serves it at /docs

run: .venv/run.stamp .venv/site.stamp  ## start OXL with the demo operator
	.venv/bin/oxl serve --demo

check: .venv/dev.stamp          ## style, safety (ruff's S), types, import contracts, known holes of dependencies
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/basedpyright
	.venv/bin/lint-imports
	$(PY) tests/house/audit.py

test: check                     ## every test, on a real PostgreSQL; three at a time, since most of them wait
	$(PY) -m pytest -n 3 --dist loadfile --no-loadscope-reorder

bench: .venv/dev.stamp          ## one script per claim; prints ratios to a limit of the same run
	$(PY) -m bench

# what is about faults and time has the machine to itself; sums and contracts do not mind each other
TORTURE = $(PY) -m pytest -m torture -o addopts="-ra"
torture: .venv/dev.stamp        ## the long proofs; `make torture -- long`: a thousand kills of each kind
	failed=0; \
	$(if $(filter long,$(MAKECMDGOALS)),KILLS=1000) $(TORTURE) tests/torture tests/scenarios || failed=1; \
	$(TORTURE) -n 2 --maxschedchunk 1 tests --ignore tests/torture --ignore tests/scenarios || failed=1; \
	exit $$failed

long: torture
	@:

lock: .venv/dev.stamp           ## resolve the dependencies anew, with hashes
	$(PY) -m pip install --quiet uv
	.venv/bin/uv pip compile --universal --quiet --generate-hashes --no-header --no-annotate --no-emit-index-url pyproject.toml requirements-build.in -o requirements.lock
	.venv/bin/uv pip compile --universal --quiet --generate-hashes --no-header --no-annotate --no-emit-index-url --extra dev pyproject.toml requirements-build.in -o requirements-dev.lock

.PHONY: help setup docs run check test bench torture long lock
