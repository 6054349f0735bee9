# Everything starts here, also from a fresh clone: each target makes the environment it needs in .venv.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
PYTEST := $(BIN)/python -m pytest -n auto --maxprocesses 8

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help quickstart page test test-all check sanitize constraints

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

quickstart: .venv/.installed-dev  ## learn a phrasebook in two languages: data, training, scores, report, in minutes
	$(BIN)/regard quickstart

page:  ## build the page that regard look -o page.html fills (npm, Node 20.19 or newer)
	$(PYTHON) web/build.py

# One thread in each of several processes: small tensors gain nothing from more.
test test-all: export OMP_NUM_THREADS = 1

test: .venv/.installed-dev  ## run the tests that take under five seconds each
	$(PYTEST) -m "not slow and not extra and not gpu"

test-all: .venv/.installed-all  ## install every extra, build the page where npm is, run every test, the slow ones too
	if command -v npm > /dev/null; then $(MAKE) --no-print-directory page && cd web && npm test && npm run check; fi
	$(PYTEST) -rs

check: .venv/.installed-dev  ## lint, format and types, then make test; green at every commit
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(MAKE) --no-print-directory test

SANITIZED := .venv/sanitized
SANITIZE := -g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined

sanitize: .venv/.installed-dev  ## run the decoding engine's tests under address and undefined-behaviour sanitizers (g++)
	rm -rf $(SANITIZED) && cp -r src $(SANITIZED)
	CXXFLAGS="$(SANITIZE)" $(BIN)/python $(SANITIZED)/regard/native/build.py
	LD_PRELOAD="$$(g++ -print-file-name=libasan.so) $$(g++ -print-file-name=libubsan.so)" ASAN_OPTIONS=detect_leaks=0 \
		OMP_NUM_THREADS=1 PYTHONPATH=$(SANITIZED) $(BIN)/python -m pytest -p no:xdist tests/inference/test_native_engine.py \
		tests/inference/test_damage.py

constraints: .venv/.installed-all  ## write what is installed now into constraints.txt
	{ sed '/^#/!d' constraints.txt; $(PIP) freeze --exclude-editable | sed 's/+.*//'; } > .venv/constraints.txt
	mv .venv/constraints.txt constraints.txt

NATIVE := $(wildcard src/regard/native/src/*.* src/regard/native/src/decoder/* src/regard/native/build.py)

.venv/.installed-dev .venv/.installed-all: .venv/.installed-%: pyproject.toml constraints.txt hatch_build.py $(NATIVE) | $(BIN)/python
	@echo "installing regard[$*] into .venv; torch is large, so the first time takes a while"
	$(PIP) install --quiet -c constraints.txt -e '.[$*]'
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "regard needs Python 3.11 or newer, and '$(PYTHON)' is not that: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }
