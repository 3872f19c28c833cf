# Everything runs in $(VENV), which is made on first use from requirements.lock; nothing else is touched.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
READY := $(VENV)/.ready

# What may be said on the command line: make demo STORE=kafka ARGS=..., make test ARGS=..., make campaign LENGTH=...
ARGS ?=
STORE ?=
LENGTH ?= 60
UPGRADE ?=

export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# A venv that happens to be active is none of our business.
unexport VIRTUAL_ENV

.PHONY: help env demo test java pgbouncer check format-check lint layers mypy pyright fmt bench bench-postgres \
	campaign crash crash-many simulate load ingest ingest-kills plant matrix matrix-postgres lock build clean
.DEFAULT_GOAL := help

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

env: $(READY) ## make the environment, and nothing else

demo: $(READY) $(if $(filter kafka,$(STORE)),java) ## watch the news desk react (STORE=postgres, STORE=kafka: on a server of its own; or STORE=URL; ARGS=... are passed on)
ifneq ($(filter postgres kafka,$(STORE)),)
	$(BIN)/python -m tests.servers $(STORE) $(BIN)/python examples/news_desk/demo.py --store '{url}' $(ARGS)
else
	$(BIN)/python examples/news_desk/demo.py $(if $(STORE),--store '$(STORE)') $(ARGS)
endif

test: $(READY) java pgbouncer ## run the tests (ARGS=... are passed to pytest; running none is a failure)
	$(BIN)/python -m pytest $(ARGS)

# The tests start a real Kafka from its own jars, unless they are told of one or Docker brings it. What is missing for
# that and cannot be installed here, the tests name themselves, with the command.
java:
	@if [ -n "$$ENSUE_TEST_KAFKA" ] || { command -v java && command -v mvn; } >/dev/null 2>&1 \
		|| docker info >/dev/null 2>&1; then exit 0; fi; \
	if [ "`id -u`" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
		echo "Installing Java and Maven, for the Kafka of the tests."; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends \
			default-jre-headless maven >/dev/null; fi

# The tests run the Postgres store through a real pgbouncer. Where it is missing and cannot be installed here, they say
# so themselves, with the command. Debian would run it as a service as well, which nobody asked for.
pgbouncer:
	@if PATH="$$PATH:/usr/sbin" command -v pgbouncer >/dev/null 2>&1; then exit 0; fi; \
	if [ "`id -u`" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
		echo "Installing pgbouncer, for the tests of the Postgres store."; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends \
			pgbouncer >/dev/null || { echo "It could not be installed."; exit 0; }; \
		if command -v systemctl >/dev/null 2>&1; then \
			systemctl disable --now --quiet pgbouncer >/dev/null 2>&1 || true; fi; fi

check: format-check lint layers mypy pyright ## format, lint, layers and types

format-check: $(READY)
	$(BIN)/ruff format --check .

lint: $(READY)
	$(BIN)/ruff check .

layers: $(READY)
	$(BIN)/lint-imports --no-logo

mypy: $(READY)
	$(BIN)/mypy

pyright: $(READY)
	$(BIN)/pyright --pythonpath $(BIN)/python

fmt: $(READY) ## format, and fix what ruff can fix
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY) ## measure speed (ARGS=... are passed on)
	$(BIN)/python -m benchmarks $(ARGS)

bench-postgres: $(READY) ## measure speed on Postgres beside other job systems (ARGS=... are passed on)
	$(BIN)/python -m benchmarks --store postgres $(ARGS)

campaign: crash simulate ingest ingest-kills plant ## longer hunts for faults: LENGTH seconds or seeds of each

crash: $(READY) $(if $(filter kafka,$(STORE)),java) ## kill real processes for LENGTH seconds (STORE=postgres, STORE=kafka: the servers, too)
	$(BIN)/python -m tests.crash --seconds $(LENGTH) $(if $(STORE),--store $(STORE)) $(ARGS)

crash-many: $(READY) java ## 100,000 events through three Kafka brokers while they and the engines are killed (ARGS="--events N")
	$(BIN)/python -m tests.crash.many $(ARGS)

simulate: $(READY) ## run LENGTH seeds of the simulated engine (STORE=postgres, STORE=kafka: on simulated servers)
	$(BIN)/python -m tests.simulate --seeds $(LENGTH) $(if $(filter kafka,$(STORE)),--kafka,$(if $(STORE),--sql)) $(ARGS)

ingest: $(READY) ## run LENGTH seeds of ingesters on a simulated topic
	$(BIN)/python -m tests.ingest --seeds $(LENGTH) $(ARGS)

ingest-kills: $(READY) java ## kill ingesters and three Kafka brokers for LENGTH seconds
	$(BIN)/python -m tests.kafka --seconds $(LENGTH) $(ARGS)

load: $(READY) ## emit from 20 processes at once, then load one engine fully for LENGTH seconds and look for bloat (Postgres)
	$(BIN)/python -m tests.load.emitting --seconds 20
	$(BIN)/python -m tests.load.bloat --seconds $(LENGTH) $(ARGS)

plant: $(READY) ## plant known bugs one by one and see the suite catch each
	$(BIN)/python -m tests.plant $(ARGS)

matrix: ## run the tests on every supported Python that is here
	@ran=0; for version in 3.11 3.12 3.13; do \
		python=`command -v $(HOME)/.pyenv/versions/$$version.*/bin/python python$$version | head -n 1`; \
		if [ -z "$$python" ] || ! "$$python" -c '' 2>/dev/null; then \
			echo "make matrix: no Python $$version here, so it is not tested."; continue; fi; \
		echo "make matrix: Python $$version is $$python"; ran=1; \
		$(MAKE) --no-print-directory test VENV=.venv-$$version PYTHON="$$python" || exit 1; \
	done; [ $$ran = 1 ]

matrix-postgres: $(READY) ## run the Postgres tests on every server version that is here
	$(BIN)/python -m tests.servers.matrix $(ARGS)

lock: | $(UV) ## renew requirements.lock (UPGRADE=--upgrade moves every version)
	$(UV) pip compile pyproject.toml --quiet --all-extras --group dev --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-emit-find-links \
		--custom-compile-command "make lock" $(UPGRADE) --output-file requirements.lock
	@if grep -n '://' requirements.lock; then echo "The lock names a host: remove it."; exit 1; fi

build: $(READY) ## build the wheel and the source archive into dist/
	$(BIN)/hatchling build

clean: ## remove the environments and all caches
	rm -rf .venv .venv-* dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# uv itself comes by pip, at the version and hash that the lock names.
$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "ensue needs Python 3.11 or later, and '$(PYTHON)' is not: try make PYTHON=python3.12 ..."; exit 1; }
	@echo "Making $(VENV) with `$(PYTHON) --version`."
	@$(PYTHON) -m venv --clear $(VENV) || { \
		echo "'$(PYTHON) -m venv' failed: on Debian, apt-get install python3-venv."; exit 1; }
	@awk '/^[^ ]/ { inside = /^uv==/ } inside' requirements.lock > $(VENV)/uv.txt
	@$(BIN)/python -m pip install --quiet --require-hashes --no-deps --requirement $(VENV)/uv.txt

$(READY): requirements.lock pyproject.toml | $(UV)
	@$(UV) pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@
