# Each target makes what it needs, from an empty machine. Windows without make: the same commands are in CONTRIBUTING.md.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: demo test test-all lint docs bench clean

demo: $(INSTALLED)
	$(BIN)/cephkit demo --out demo

test: $(INSTALLED)
	$(BIN)/pytest -n auto -m "not slow"

test-all: $(INSTALLED)
	$(BIN)/pytest -n auto

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# A broken link or reference is an error. Open site/index.html.
docs: $(INSTALLED)
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet docs site

bench: $(INSTALLED)
	$(BIN)/python benchmarks/store.py
	$(BIN)/python benchmarks/memory.py
	$(BIN)/python benchmarks/step.py
	$(BIN)/python benchmarks/allocator.py
	$(BIN)/python benchmarks/startup.py

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --constraint constraints.txt --editable ".[dev]"
	touch $(INSTALLED)

clean:
	rm -rf $(VENV) demo site
