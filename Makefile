# Two commands: `make run` opens a front door to try, `make test` proves it. `make help` lists all.

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check
# Two at a time, the tests of a file together: they share a browser or a server. Long files first.
TWO := -n 2 --dist loadfile --no-loadscope-reorder
FAST := "not browser and not postgres and not slow"
LOCKED := $(PIP) --require-hashes --only-binary :all:

# What has been done is a file; a second run finds it newer than its causes and does nothing.
MADE := $(VENV)/.made
READY := $(VENV)/.ready
READY_TO_TEST := $(VENV)/.ready-to-test
READY_FOR_FACE := $(VENV)/.ready-for-face
VENDOR := static/vendor/zxing-wasm/zxing_reader.wasm
CATALOGUES := $(patsubst %.po,%.mo,$(wildcard gateway/translations/*/LC_MESSAGES/*.po))

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test check format lint types fast coverage setup vendor-if-we-can \
  face-if-we-can lock wheel clean

help: ## list what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

run: $(READY) vendor-if-we-can face-if-we-can $(CATALOGUES) ## set up, then open the demo at http://127.0.0.1:8000 (PORT=… for another)
	@exec $(BIN)/gateway demo

test: setup lint types ## set up, then everything: style, types, all tests, with browser and PostgreSQL
	browser=$$($(BIN)/python tools/browser.py) && \
	  export EITHERWAY_TEST_BROWSER="$$browser" && \
	  $(BIN)/python -m pytest $(TWO) -m "not alone" $(PYTEST_ARGS) && \
	  $(BIN)/python -m pytest -q -m alone tests/processes

check: setup lint types ## style, types, the pure tests and those of what changed: for every commit
	$(BIN)/python -m pytest -q --quick $(TWO) -m $(FAST) $(PYTEST_ARGS)

setup: $(READY_TO_TEST) $(VENDOR) face-if-we-can $(CATALOGUES) ## all that `make test` needs, but for the browser

format: $(READY_TO_TEST) ## put the code in shape
	$(BIN)/ruff check --fix-only -q
	$(BIN)/ruff format

lint: $(READY_TO_TEST)
	$(BIN)/ruff format --check
	$(BIN)/ruff check

types: $(READY_TO_TEST)
	$(BIN)/mypy

fast: setup ## all tests on SQLite that need no browser and take no time
	$(BIN)/python -m pytest -q $(TWO) -m $(FAST) $(PYTEST_ARGS)

coverage: setup ## the quick tests, with the lines and branches they miss
	@mkdir -p var/coverage
	$(BIN)/coverage run -m pytest -q -m $(FAST)
	$(BIN)/coverage combine -q
	$(BIN)/coverage report

wheel: setup ## the source archive and the wheel, in dist/
	$(BIN)/python -m build --no-isolation

lock: $(READY_TO_TEST) ## take the newest releases into the locks
	$(BIN)/uv pip compile $(COMPILE) --upgrade -o requirements.lock
	$(BIN)/uv pip compile $(COMPILE) --upgrade --extra dev -o requirements-dev.lock
	$(BIN)/uv pip compile $(COMPILE) --upgrade --extra face -o requirements-face.lock
	npm install --package-lock-only

COMPILE := -q --universal --generate-hashes --no-emit-index-url --no-header --no-annotate \
  --group build pyproject.toml

clean: ## remove all that was made here, but for var/
	rm -rf $(VENV) static/vendor $(CATALOGUES) dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find gateway tests tools -name __pycache__ -type d -prune -exec rm -rf {} +

$(MADE):
	@sh tools/venv.sh $(VENV)
	@touch $@

$(READY): $(MADE) requirements.lock pyproject.toml hatch_build.py
	@echo "Installing what Eitherway runs on"
	@$(LOCKED) -r requirements.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(READY_TO_TEST): $(READY) requirements-dev.lock
	@echo "Installing what the tests need"
	@$(LOCKED) -r requirements-dev.lock
	@touch $@

$(VENDOR): package.json package-lock.json tools/vendor.py | $(MADE)
	@$(BIN)/python tools/vendor.py

# Without them the kiosk still opens: it then says that it cannot read a QR code by camera.
vendor-if-we-can: $(MADE)
	@$(MAKE) -s $(VENDOR) || echo "Starting without the camera's QR reader." >&2

# The models come as source only: built with the setuptools of our own lock, then trimmed.
$(READY_FOR_FACE): $(READY) requirements-face.lock tools/models.py
	@echo "Installing the face engine (150 MB to fetch, once; FACE=no goes without)"
	@$(LOCKED) --no-binary face-recognition-models --no-build-isolation -r requirements-face.lock
	@$(BIN)/python tools/models.py
	@touch $@

# The house is whole without it: where there is no wheel for the machine, nobody is offered face.
face-if-we-can: $(READY)
ifneq ($(FACE),no)
	@$(MAKE) -s $(READY_FOR_FACE) || echo "Going on without face." >&2
endif

%.mo: %.po | $(READY)
	@$(BIN)/pybabel -q compile -i $< -o $@
