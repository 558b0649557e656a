# make run    installs and runs the pipeline        make test   installs and runs the tests
# Other datasets:  make run DATASET=mead ROOT=/path/to/MEAD PROTOCOL=paper PRESET=paper
# GPU build:       make run TORCH_INDEX=https://download.pytorch.org/whl/cu130

PYTHON ?= $(shell command -v python3.11 || command -v python3)
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
# The CPU build needs nothing that is not in the lock file; GPU builds bring their own libraries.
TORCH_DEPS := $(if $(findstring /cpu,$(TORCH_INDEX)),--no-deps)
BIN := .venv/bin
# What is never imported need not be compiled: pip would spend a minute on it.
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --no-compile
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export PREFECT_SERVER_ANALYTICS_ENABLED := false

.PHONY: run test test-slow setup lint ui bench clean
.DEFAULT_GOAL := run

run: setup
	$(if $(DATASET)$(PRESET),$(BIN)/stccl use $(DATASET) $(if $(ROOT),--root "$(ROOT)") $(if $(PROTOCOL),--protocol $(PROTOCOL)) $(if $(EDITION),--edition $(EDITION)) $(if $(PRESET),--preset $(PRESET)))
	$(BIN)/python -m flows.pipeline
	@echo "The report: $(CURDIR)/report/index.html"

test: setup
	$(BIN)/python -m pytest -m "not slow"

# The rest: whole pipelines, servers that die, processes that are killed.
test-slow: setup
	$(BIN)/python -m pytest -m slow

setup: .venv/installed

.venv/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
	  { echo "error: Python 3.11 is needed, $(PYTHON) is another; say which: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv .venv
	@# In two halves at once: most of the time goes into unpacking, which pip does one by one.
	awk '!/^(#|torch==)/ { print > ".venv/half-" (++n % 2) ".txt" }' requirements.lock
	$(PIP) --no-deps -r .venv/half-0.txt & other=$$!; $(PIP) --no-deps -r .venv/half-1.txt; \
	  code=$$?; wait $$other && exit $$code
	$(PIP) --retries 1 --extra-index-url $(TORCH_INDEX) -c requirements.lock $(TORCH_DEPS) torch
	$(PIP) --no-deps --no-build-isolation -e .
	@# A downloaded archive has no git repository, which DVC wants to be told.
	@git rev-parse --git-dir >/dev/null 2>&1 || $(BIN)/dvc config --local core.no_scm true
	@touch $@

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# The Prefect UI on http://127.0.0.1:4200 with the pipeline and every stage as deployments.
ui: setup
	$(BIN)/python -m flows.serve

bench: setup
	for each in benchmarks/*.py; do $(BIN)/python -m benchmarks.$$(basename $$each .py) || exit 1; done

clean:
	rm -rf .venv data models metrics plots report .stccl dvc.lock
