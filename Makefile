# `make run` starts the monitor and `make test` the tests, each from a bare machine.
# ARGS="..." goes to the command; PYTHON=python3.12 chooses the interpreter of a new .venv.

BIN := .venv/bin
RUN_READY := .venv/.ready-to-run
TEST_READY := .venv/.ready-to-test
SETUP := pyproject.toml scripts/setup.sh scripts/system_packages.sh

export PYTHON

.PHONY: run test lint format bench soak fuzz demo notebook package release lock clean help

run: $(RUN_READY)  ## start the monitor
	@$(BIN)/realtime-ser $(ARGS)

test: $(TEST_READY)  ## run style and type checks and the tests
	@$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

lint: $(TEST_READY)  ## run style and type checks only
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy

format: $(TEST_READY)  ## lay out the code and mend what can be mended by itself
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

bench: $(TEST_READY)  ## measure speed, start-up, memory and latency
	@$(BIN)/python -m benchmarks $(ARGS)

soak: $(TEST_READY)  ## monitor for an hour with random faults; ARGS="--minutes 5" for less
	@$(BIN)/python -m benchmarks.soak $(ARGS)

fuzz: $(TEST_READY)  ## give the program damaged files of all kinds; ARGS="--kind config --count 10000"
	@$(BIN)/python -m tests.fuzz $(ARGS)

demo: $(TEST_READY)  ## make the demo recording anew
	@$(BIN)/python scripts/make_demo.py $(ARGS)

notebook: $(TEST_READY)  ## run the notebooks anew
	@$(BIN)/python scripts/make_notebook.py $(ARGS)

package: $(TEST_READY)  ## build the program as a folder that runs without Python
	@$(BIN)/python -m PyInstaller --noconfirm --log-level WARN --distpath dist --workpath build/package \
		packaging/realtime-ser.spec
	@[ "$$(uname -s)" != Linux ] || packaging/linux.sh

release: $(TEST_READY)  ## build sdist and wheel, check them, and run the wheel on its own
	@scripts/release.sh

# Pins only move where they must; ARGS=--upgrade takes the newest of everything.
LOCK := pip compile --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
	--no-emit-index-url --annotation-style line --quiet $(ARGS) pyproject.toml requirements/lock.in
UV ?= uv

lock:  ## pin the requirements (needs uv)
	@command -v $(UV) >/dev/null || { echo "make lock needs uv: python3 -m pip install uv"; exit 1; }
	@UV_CUSTOM_COMPILE_COMMAND="make lock" $(UV) $(LOCK) --all-extras -o requirements/test.txt
	@UV_CUSTOM_COMPILE_COMMAND="make lock" $(UV) $(LOCK) -c requirements/test.txt -o requirements/run.txt

clean:  ## remove .venv and what the tools left behind
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

help:  ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-10s%s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(RUN_READY): requirements/run.txt $(SETUP)
	@scripts/setup.sh run
	@touch $@

# The tests' packages hold the program's.
$(TEST_READY): requirements/test.txt requirements/run.txt $(SETUP)
	@scripts/setup.sh test
	@touch $(RUN_READY) $@
