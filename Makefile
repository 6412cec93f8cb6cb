# make repro   the whole pipeline on the default models; opens with all set-up
# make test    lint, types, tests; make quick: those of them that are quick
SHELL := /bin/bash
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
export PYTHON
export PATH := $(CURDIR)/$(BIN):$(PATH)
export DVC_NO_ANALYTICS := true
export HF_HUB_DISABLE_TELEMETRY := 1
export TOKENIZERS_PARALLELISM := false
# Tests meet the cache folder of a machine that has never run this.
TEST_CACHE := $(CURDIR)/build/test-cache
STAMP := $(VENV)/.stamp-$(shell cat requirements.lock pyproject.toml 2>/dev/null | cksum | cut -d' ' -f1)
NPM := xinstruct/languages/npm

.PHONY: help setup room system toolchains repro test quick lint types unit fresh graph smoke slurm ablations recorded doctor evidence verdicts \
        bench published agreement reference answers rescore pages docs lock clean

help: ## what there is
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: room system $(STAMP) tools/npm/.stamp ## toolchains, .venv, TypeScript compiler

room:
	@! command -v "$$PYTHON" >/dev/null || "$$PYTHON" -m xinstruct.models.room

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
	@dvc repro || { status=$$?; echo; echo "A stage stopped: its message is above. What was finished is kept; make repro goes on"; \
	  echo "from there. README.md, \"When a step fails\", says what can be done."; exit $$status; }
	@xinstruct summary

test: setup toolchains lint types unit ## everything that must pass

graph: setup ## the code dependencies of every stage into dvc.yaml, file by file
	python setup/graph.py

quick: $(STAMP) lint types ## the inner loop, below two minutes: lint, types and the tests that take no second each
	python -m pytest -q -x -m "not slow and not long and not network" tests

lint: ## style, and the tree and dependencies as they are declared
	python setup/check_project.py
	ruff check .
	ruff format --check .
	snakefmt --check Snakefile rules

types:
	mypy

unit:
	@rm -rf "$(TEST_CACHE)"
	XDG_CACHE_HOME="$(TEST_CACHE)" python -m pytest -q -x --durations=15 -m "not long" tests

fresh: ## the two commands of the README in a new clone with an empty HOME and empty caches
	bash setup/fresh.sh

evidence: setup toolchains ## what takes too long for every run: 50 kills of the client, 20 starts on an empty cache
	python -m pytest -q -m long tests

smoke: setup ## the graph end to end at the smallest scale, in a folder of its own
	python -m pytest -q -s tests/test_end_to_end.py

slurm: setup toolchains ## profiles/slurm on a Slurm of two nodes on this machine (root; slurm-wlm, munge)
	python -m pytest -q -s -m long tests/test_slurm.py

ablations: setup ## queue experiments/ablations, run them one after the other, collect them for the report
	xinstruct experiment --queue experiments/ablations/*.yaml
	dvc exp run --run-all
	xinstruct experiment --collect experiments/ablations/*.yaml

recorded: setup ## a recorded run again from its answered calls, without its teacher: make recorded NAME=...
	@xinstruct recorded $(NAME) $(ARGS) && xinstruct summary

doctor: setup ## languages, toolchains, sandbox guarantees
	xinstruct doctor

# Problem files and published answers of others are not part of the repository: folders benchmarks/ and published/ below
# SHARED. What needs one that is not there is skipped and says so.
SHARED ?= shared
export XINSTRUCT_SHARED := $(abspath $(SHARED))
HAVE = [ -d $(1) ] || { echo "skipped: no folder $(1) here; see SHARED and DATA in the Makefile"; exit 0; };

verdicts: setup ## canonical solutions of public benchmarks and a wrong stub of each
	@$(call HAVE,$(SHARED)/benchmarks) python -m bench.verdicts.canonical $(ARGS)

BENCH := $(patsubst bench/%.py,%,$(shell grep -l '^if __name__' bench/*.py | grep -vE 'peers|mining_sample'))

bench: setup build/bench/.stamp ## figures beside peers; one of them: make bench NAME=execution
	@for name in $(or $(NAME),$(BENCH)); do echo "== $$name"; $(BIN)/python -m bench.$$name $(ARGS) || exit 1; done

build/bench/.stamp: bench/requirements.txt
	@echo "== peers of the benchmarks into build/bench"; mkdir -p build/bench/npm
	@$(BIN)/python -m venv build/bench/peers
	@build/bench/peers/bin/python -m pip install --disable-pip-version-check -q -r bench/requirements.txt
	@npm install --prefix build/bench/npm --no-audit --no-fund --loglevel=error typescript@5 @types/node@20 \
	  mathjs@11 heap-js@2
	@touch $@

published: setup ## score published answers, into docs/results/published.md
	@$(call HAVE,$(SHARED)/published) python -m bench.verdicts.published $(ARGS)

agreement: setup ## the translated HumanEval beside other tests on the same completions, into docs/results/agreement.md
	@$(call HAVE,$(SHARED)/benchmarks) python -m bench.verdicts.agreement $(ARGS)

reference: setup build/bench/.stamp ## verdicts beside EvalPlus, MultiPL-E's tests, publishers' counts: docs/results/reference.md
	@$(call HAVE,$(SHARED)/published) $(call HAVE,$(SHARED)/benchmarks) python -m bench.verdicts.reference $(ARGS)

MODEL ?= models/start
ANSWERS ?= bench/verdicts/answers/smollm2-135m
DATA ?= $(SHARED)/benchmarks
answers: setup ## greedy raw answers to HumanEval and MultiPL-E in eight languages, kept in ANSWERS; goes on where it was
	@$(call HAVE,$(DATA)) xinstruct answer --model $(MODEL) --out $(ANSWERS) --data $(DATA) $(ARGS)

rescore: setup ## score the answers kept in bench/verdicts/answers without any model, into docs/results/rescored.md
	@$(call HAVE,$(DATA)) python -m bench.verdicts.rescore --data $(DATA) $(ARGS)

pages: setup ## docs/results/*.md anew from the results that are kept
	python -m bench.verdicts.pages

docs: setup ## docs/params.md, the page about all parameters, from params.yaml
	python -m xinstruct.params > docs/params.md.tmp && mv docs/params.md.tmp docs/params.md

lock: ## remake requirements.lock from what .venv holds
	@{ echo "# Exact versions of everything in .venv (run, development, cluster). Remade by: make lock"; \
	  $(BIN)/python -m pip freeze --exclude-editable | sed 's/+cpu//'; } > requirements.lock

clean: ## forget scratch (not the outputs, not the answered calls)
	rm -rf .snakemake .pytest_cache .mypy_cache .ruff_cache build
