# make repro   the whole pipeline on the embedded default model; opens with all set-up
# make test    lint, types, tests
SHELL := /bin/bash
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
export PYTHON
export PATH := $(CURDIR)/$(BIN):$(PATH)
export DVC_NO_ANALYTICS := true
export HF_HUB_DISABLE_TELEMETRY := 1
export TOKENIZERS_PARALLELISM := false
STAMP := $(VENV)/.stamp-$(shell cat requirements.lock pyproject.toml 2>/dev/null | cksum | cut -d' ' -f1)
NPM := xinstruct/languages/npm

.PHONY: help setup system toolchains repro test lint types unit smoke ablations doctor evidence verdicts bench published \
        agreement reference answers rescore lock clean

help: ## what there is
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: system $(STAMP) tools/npm/.stamp ## toolchains, .venv, TypeScript compiler

system:
	@echo "== system packages"; bash setup/system.sh

toolchains: ## Go, Rust, Ruby, C, Lua and Perl, which no stage needs
	@echo "== further toolchains"; bash setup/system.sh extra

$(STAMP): requirements.lock pyproject.toml
	@echo "== python packages into $(VENV) from requirements.lock ($$PYTHON: $$("$$PYTHON" --version 2>&1))"
	@"$$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; set PYTHON=..."; exit 1; }
	@[ -x $(BIN)/python ] || "$$PYTHON" -m venv $(VENV)
	@$(BIN)/python -m pip install --disable-pip-version-check --progress-bar off -q -r requirements.lock
	@$(BIN)/python -m pip install --disable-pip-version-check -q --no-deps --no-build-isolation -e .
	@rm -f $(VENV)/.stamp-*; touch $@

tools/npm/.stamp: $(NPM)/package.json $(NPM)/package-lock.json
	@if command -v npm >/dev/null 2>&1; then echo "== TypeScript compiler into tools/npm"; umask 022; \
	  [ -w "$$HOME" ] || export npm_config_cache="$$PWD/build/npm-cache"; mkdir -p tools/npm && cp $(NPM)/package.json $(NPM)/package-lock.json tools/npm/ && \
	  npm ci --prefix tools/npm --no-audit --no-fund --loglevel=error && chmod -R go+rX tools/npm && touch $@; \
	else echo "npm is missing: TypeScript is left out"; fi

repro: setup ## the whole pipeline; reports/index.html at the end
	@xinstruct doctor || true
	dvc repro
	@echo; echo "done: open reports/index.html (dvc metrics show, dvc plots show, dvc exp run -S synthesize.rounds=2)"

test: setup toolchains lint types unit ## everything that must pass

lint:
	ruff check .
	ruff format --check .
	snakefmt --check Snakefile rules

types:
	mypy

unit:
	python -m pytest -q -x --durations=15 -m "not long" tests

evidence: setup toolchains ## what takes too long for every run: 50 kills of the client
	python -m pytest -q -m long tests

smoke: setup ## the graph end to end at the smallest scale, in a folder of its own
	python -m pytest -q -s tests/test_end_to_end.py

ablations: setup ## queue experiments/ablations, run them one after the other, collect them for the report
	xinstruct experiment --queue experiments/ablations/*.yaml
	dvc exp run --run-all
	xinstruct experiment --collect experiments/ablations/*.yaml

doctor: setup ## languages, toolchains, sandbox guarantees
	xinstruct doctor

verdicts: setup ## canonical solutions of public benchmarks, where their data is, and a wrong stub of each
	python -m tests.execution.canonical

BENCH := $(patsubst bench/%.py,%,$(shell grep -l '^if __name__' bench/*.py | grep -vE 'peers|reference'))

bench: setup build/bench/.stamp ## figures beside peers; one of them: make bench NAME=execution
	@for name in $(or $(NAME),$(BENCH)); do echo "== $$name"; $(BIN)/python -m bench.$$name $(ARGS) || exit 1; done

build/bench/.stamp: bench/requirements.txt
	@echo "== peers of the benchmarks into build/bench"; mkdir -p build/bench/npm
	@$(BIN)/python -m venv build/bench/peers
	@build/bench/peers/bin/python -m pip install --disable-pip-version-check -q -r bench/requirements.txt
	@npm install --prefix build/bench/npm --no-audit --no-fund --loglevel=error typescript@5 @types/node@20 \
	  mathjs@11 heap-js@2
	@touch $@

published: setup ## score published answers (files in ../shared) and write their table into docs/benchmarks.md
	python -m xinstruct.benchmarks.published $(ARGS)

agreement: setup ## the translated HumanEval beside other tests on the same completions, into docs/benchmarks.md
	python -m xinstruct.benchmarks.agreement $(ARGS)

reference: setup build/bench/.stamp ## verdicts beside EvalPlus, MultiPL-E's tests and publishers' counts, into docs/benchmarks.md
	python -m bench.reference $(ARGS)

MODEL ?= models/start
ANSWERS ?= answers/smollm2-135m
DATA ?= ../shared/benchmarks
answers: setup ## greedy raw answers to HumanEval and MultiPL-E in eight languages, kept in ANSWERS; goes on where it was
	xinstruct answer --model $(MODEL) --out $(ANSWERS) --data $(DATA) $(ARGS)

rescore: setup ## score the answers kept under answers/ without any model, into docs/benchmarks.md
	python -m xinstruct.benchmarks.rescore --data $(DATA) $(ARGS)

lock: ## remake requirements.lock from what .venv holds
	@{ echo "# Exact versions of everything in .venv (run, development, cluster). Remade by: make lock"; \
	  $(BIN)/python -m pip freeze --exclude-editable | sed 's/+cpu//'; } > requirements.lock

clean: ## forget scratch (not the outputs, not the answered calls)
	rm -rf .snakemake .pytest_cache .mypy_cache .ruff_cache build
