# The two commands a newcomer needs: `make bench` and `make test`. Both set up what is missing.
.PHONY: bench nightly test test-all sweep lint coverage benchmark setup clean

PYTEST = .venv/bin/python -m pytest
# All cores; the tests of a file share what they built.
PARALLEL = -n auto --dist loadfile

setup:
	@scripts/setup

# Both suites on the emulated STM32F746G-DISCO.
bench:
	@start=$$(date +%s); scripts/setup && $(PYTEST) --target stm32f746; code=$$?; \
	echo "from start to verdict: $$(( $$(date +%s) - start )) s"; exit $$code

# What a bench does every night: both suites, all schemes, history, gate, report.
# Counts of an emulated board are exact: any change is a change.
NIGHTLY = reports/out/nightly
EXACT = latency.median:0,arena.used:0,flash.total:0,accuracy:0,outputs.max_lsb:0
nightly:
	@scripts/setup
	@mkdir -p $(NIGHTLY)
	$(PYTEST) --target stm32f746 --hil-compare-schemes \
	  --hil-baseline nightly --hil-gate $(EXACT) \
	  --hil-html $(NIGHTLY)/report.html --hil-json $(NIGHTLY)/results.json \
	  --hil-markdown $(NIGHTLY)/summary.md --junitxml $(NIGHTLY)/junit.xml

test:
	@scripts/setup
	$(PYTEST) tests $(PARALLEL)

# What `make test` skips by name: installations from the wheel, old pytest, QEMU, long inferences.
test-all:
	@scripts/setup --all
	$(PYTEST) tests -m "install or qemu or slow or postgres or browser" --install

# Random programs against a model of the core, random one-operator models against two hosts; a seed
# is printed, HIL_SWEEP_SEED=N repeats it.
sweep:
	@scripts/setup
	$(PYTEST) tests -m sweep -s

# Figures of this machine, as a table.
benchmark:
	@scripts/setup
	.venv/bin/python -m benchmarks

lint:
	@scripts/setup
	.venv/bin/python -m pip install --quiet --editable ".[dev]"
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	git ls-files '*.c' '*.cc' '*.h' | xargs .venv/bin/clang-format --dry-run --Werror

# Branches of hil/ that the tests reach, in child processes too.
coverage:
	@scripts/setup
	.venv/bin/python -m pip install --quiet --editable ".[dev]"
	.venv/bin/coverage erase
	.venv/bin/coverage run -m pytest tests -q $(PARALLEL)
	.venv/bin/coverage combine -q
	.venv/bin/coverage report

clean:
	rm -rf build dist .venv *.egg-info hil/emulator/_core.so
