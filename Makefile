# Each target makes what it needs, from an empty machine. Windows without make: the same commands are in CONTRIBUTING.md.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# The page of cephkit review: npm and Node come from the environment. npm's scripts look for Node on the path.
PAGE := src/cephkit/review/page
NPM := PATH="$(abspath $(BIN)):$$PATH" npm --prefix $(PAGE)
MODULES := $(PAGE)/node_modules/.installed

.PHONY: demo test test-all test-page lint docs bench clean

demo: $(INSTALLED)
	$(BIN)/cephkit demo --out demo

test: $(INSTALLED) test-page
	$(BIN)/pytest -n auto -m "not slow"

test-all: $(INSTALLED) test-page
	$(BIN)/pytest -n auto

# Without the npm registry, the tests of the page's own code are left out and the page stays as it was.
test-page: $(INSTALLED)
	@if $(MAKE) --no-print-directory $(MODULES); then $(NPM) test && $(BIN)/python hatch_build.py; \
	else echo "WITHOUT THE TESTS OF THE PAGE: npm could not install what they need"; fi

lint: $(INSTALLED) $(MODULES)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(NPM) run lint

# A broken link or reference is an error. Open site/index.html.
docs: $(INSTALLED)
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet docs site

bench: $(INSTALLED)
	$(BIN)/python -m benchmarks.store
	$(BIN)/python -m benchmarks.memory
	$(BIN)/python -m benchmarks.step
	$(BIN)/python -m benchmarks.allocator
	$(BIN)/python -m benchmarks.startup
	$(BIN)/python -m benchmarks.review

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --constraint constraints.txt --editable ".[dev]"
	touch $(INSTALLED)

$(MODULES): $(PAGE)/package.json $(PAGE)/package-lock.json $(INSTALLED)
	$(NPM) ci --include=dev --ignore-scripts --no-audit --no-fund
	touch $(MODULES)

clean:
	rm -rf $(VENV) $(PAGE)/node_modules src/cephkit/review/static demo site
