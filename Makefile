# Everything runs in .venv; `make setup` creates it from the lock, and needs only Python 3.11 and make.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# uv comes from PyPI into a small environment of its own, and creates the one in .venv.
BOOTSTRAP := $(VENV)/.bootstrap
SOURCES := schemas features agents inference streams deploy examples tests

# The theme announces its successor at every build.
MKDOCS := NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs

.DEFAULT_GOAL := help
.PHONY: help setup flink demo check style quick unit test docs docs-build schemas dashboard fuzz format clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

setup: $(STAMP) ## Install everything into .venv (repeats only when the lock changed)

$(STAMP): pyproject.toml uv.lock
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) was not found; install Python 3.11, or say which: make setup PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(BOOTSTRAP)/bin/uv || { $(PYTHON) -m venv $(BOOTSTRAP) && $(BOOTSTRAP)/bin/python -m pip install --quiet --disable-pip-version-check uv; }
	UV_PROJECT_ENVIRONMENT=$(VENV) $(BOOTSTRAP)/bin/uv sync --frozen --all-extras --python $(BIN)/python
	@touch $@

flink: setup ## Fetch Apache Flink into the cache (1.2 GB); `lifelong up --engine flink` and its test do so when first needed
	$(BIN)/python -c "from deploy.embedded import environment, flink; flink.install(environment.user_cache_dir())"

demo: setup ## Start everything and watch a user's recommendations change
	$(BIN)/lifelong demo

# Types are checked while tests run. Lengthy tests are left to `make unit` and `make test`.
check: setup ## Format, lint, types, imports and quick unit tests: six minutes on two cores
	@began=$$(date +%s); $(MAKE) --no-print-directory -j2 style quick && echo "make check took $$(($$(date +%s) - began)) s"

style: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy

quick: setup
	$(BIN)/pytest -q -n auto -m "not servers and not slow and not lengthy"

unit: setup ## All unit tests
	$(BIN)/pytest -q -n auto -m "not servers and not slow"

# After `make check`, CHECKED=1 leaves out the quick tests, which it has run.
# A test that fails on real servers runs once more on fresh ones: its first failure stays in the output, and is a fault to
# look into, but a machine that stalled fails nothing twice.
test: setup ## All tests: those without servers in parallel, then those on real servers
	$(BIN)/pytest -n auto -m "not servers$(if $(CHECKED), and (slow or lengthy))"
	$(BIN)/pytest -m servers --durations=40 --durations-min=5 || \
	  { [ $$? -eq 1 ] && echo "== the failed tests, once more" && $(BIN)/pytest -m servers --last-failed --maxfail=1; }

fuzz: setup ## Send a million corrupted records through the guards of each process: half an hour
	$(BIN)/python -m tests.fuzz

docs: setup ## Serve the documentation on the loopback interface, and rebuild it as files change
	$(MKDOCS) serve

docs-build: setup ## Build the documentation into build/site; a broken link is an error
	$(MKDOCS) build --strict

schemas: setup ## Regenerate the published schemas
	$(BIN)/lifelong schemas write

dashboard: setup ## Regenerate the Grafana dashboard
	$(BIN)/python -m deploy.monitoring.grafana.dashboard

format: setup ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## Remove caches and builds; .venv and .lifelong stay
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +
