# One command each; `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
STARTED := $(shell date +%s)
# More than cores: the tests of whole processes mostly wait, and a worker out of work takes that of others.
WORKERS ?= 5
DECK ?= .taskdeck
# What `taskdeck run sample` writes into a new data directory.
BUDGET := core/workflows/builtin/sample.toml
# The tests start hundreds of processes; without its cache each of them would compile every file again.
unexport PYTHONDONTWRITEBYTECODE
# Nothing of the caller's decides what is imported or checked; tests/support/surroundings.py does the rest.
unexport PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONWARNINGS PYTHONOPTIMIZE PYTEST_ADDOPTS MYPYPATH
# Without a terminal there may be no standard input at all.
PYTEST = $(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal </dev/null
SLOWEST := tests/architecture/test_package.py::test_the_wheel_works_in_an_empty_environment_far_from_the_checkout
define STATIC
failed=; \
step() { name=$$1; shift; out=$$("$$@" 2>&1 </dev/null) && echo "$$name: ok" || { failed="$$failed $$name"; echo "$$name: FAILED"; echo "$$out"; }; }; \
step format $(BIN)/ruff format --check .; \
step lint $(BIN)/ruff check --output-format concise .; \
step layers $(BIN)/lint-imports --no-cache
endef
# Without its cache it keeps one core busy for twenty seconds: beside the tests, told after them.
BEGIN_TYPES = types=$$(mktemp); $(BIN)/mypy >"$$types" 2>&1 </dev/null & checker=$$!
define END_TYPES
if wait $$checker; then echo "types: ok"; \
else failed="$$failed types"; echo "types: FAILED"; cat "$$types"; fi; \
rm -f "$$types"
endef
VERDICT = echo "make $@:$${failed:+ FAILED:$$failed,} $$(( $$(date +%s) - $(STARTED) )) s wall time"; test -z "$$failed"
.PHONY: help venv run test check format lint types mutants bench shots pages clean

help: ## List these targets.
	@awk -F':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): pyproject.toml constraints.txt .ci/venv
	@sh .ci/venv $(VENV)
	@touch $@

venv: $(READY) ## Create .venv with everything needed to run and check.

run: $(READY) ## Open the console on $DECK (.taskdeck); without a terminal run the sample and print its summary.
	@if [ -t 0 ] && [ -t 1 ]; then \
	  if [ ! -e "$(DECK)" ] && install -d -m 700 "$(DECK)" && install -m 600 $(BUDGET) "$(DECK)/config.toml"; \
	  then echo "a new data directory: wrote $(DECK)/config.toml, with a budget for sample"; fi; \
	  exec $(BIN)/taskdeck --home "$(DECK)"; \
	else exec $(BIN)/taskdeck run sample --home "$(DECK)" --slots 4; fi

test: $(READY) ## Check everything: format, lint, types, layers, tests.
	@$(BEGIN_TYPES); \
	$(STATIC); \
	$(PYTEST) || failed="$$failed tests"; \
	$(END_TYPES); \
	$(VERDICT)

check: $(READY) ## Check format, lint, types, layers, and the tests of what changed since main.
	@$(BEGIN_TYPES); \
	$(STATIC); \
	$(PYTEST) --deselect $(SLOWEST) $$($(BIN)/python -m tests.affected) || failed="$$failed tests"; \
	$(END_TYPES); \
	$(VERDICT)

format: $(READY) ## Format the code and apply safe fixes.
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lint: $(READY) ## Lint the code and the layers.
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports --no-cache

types: $(READY) ## Check the types.
	@$(BIN)/mypy

mutants: $(READY) ## Break each guard in turn and expect a red test.
	@$(BIN)/python tests/mutants.py

bench: $(READY) ## Measure the journal beside rows written by hand; tests/bench/README.md has more.
	@$(BIN)/python tests/bench/journal.py

shots: $(READY) ## Capture every screen into docs/shots/.
	@$(BIN)/python -m tests.shots.take

pages: $(READY) ## Write the generated parts of README.md and docs/.
	@$(BIN)/python -m tests.pages.generated

clean: ## Remove the environment, caches and builds.
	@rm -rf $(VENV) .taskdeck .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build dist *.egg-info
	@find core console themes tests -name __pycache__ -type d -prune -exec rm -rf {} +
