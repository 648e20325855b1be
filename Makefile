# make run [FASTA=utrs.fa]   set up and predict, results under OUTDIR
# make test                  all tests, the real pipeline included
# make test-integration   podman, apptainer, Charliecloud and a real Slurm (root, Debian 12)
# make test-faults   200 injections of kills, full disks and damaged files (root, for its small disks)
# make test-mutants          faults put into alphabet, decode, merge and predict: some test must see each (5 minutes)
# make test-parity           RiNALMo against another implementation, all sizes (AGPL, 350 MB; 9 GB of memory)
# make test-galaxy           the Galaxy tools in a real Galaxy, and in a browser
# make install-galaxy        that Galaxy into GALAXY_HOME (2 GB), unless it is there; ARGS=--check only looks
# make wrappers              the Galaxy tools' generated macros
# make lint                  ruff, mypy, nextflow lint
# make coverage              share of lines that tests run, at least LEAST (90) percent of them; TESTS: which
# make docs                  the documentation as a site under site/
# make package               sdist and wheel under dist/, checked
# make lint-nf-core          nf-core's checks of a pipeline, those that need no network (in an environment of its own)
# make lint-crate            the official validator on the pipeline's RO-Crate and that of a run (in an environment of its own)
PYTHON ?= python3
FASTA ?= tests/data/example.fa
OUTDIR ?= results
ARGS ?=
TESTS ?= tests
LEAST ?= 90
GALAXY_HOME ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/utrlm/galaxy
GALAXY_JOB_PATH ?= $(CURDIR)/.venv/bin

export PATH := $(CURDIR)/.venv/bin:$(PATH)
export OMP_NUM_THREADS ?= 1
try = for i in 1 2 3; do $(1) && exit 0; sleep 5; done; exit 1

.PHONY: setup setup-test run test test-integration test-faults test-mutants test-parity test-galaxy install-galaxy wrappers lint lint-nf-core lint-crate coverage package docs

setup: .venv/installed
setup-test: .venv/installed-test

.venv/installed: pyproject.toml constraints.txt tools/multiqc.txt
	$(PYTHON) -m venv .venv
	$(call try,.venv/bin/pip install -q -c constraints.txt -e .)
	tools/get-nextflow
	-PYTHON=$(PYTHON) tools/get-multiqc
	touch $@

.venv/installed-test: .venv/installed
	$(call try,.venv/bin/pip install -q -c constraints.txt -e '.[test]')
	PYTHON=$(PYTHON) tools/get-multiqc
	touch $@

run: setup
	nextflow run main.nf --fasta '$(FASTA)' --outdir '$(OUTDIR)' -resume $(ARGS)

test: setup-test
	python -m pytest tests

test-integration: setup-test
	python -m pytest tests/integration -m integration

test-faults: setup-test
	python -m tests.faults --injections 200

test-mutants: setup-test
	python -m tests.mutants

test-parity: setup-test
	$(call try,.venv/bin/pip install -q -c constraints.txt -e '.[parity]')
	python -m pytest tests/test_rinalmo.py -m 'large or not large'

test-galaxy: setup-test
	tests/integration/galaxy/install '$(GALAXY_HOME)'
	python tests/integration/galaxy/check.py --home '$(GALAXY_HOME)' --job-path '$(GALAXY_JOB_PATH)' $(ARGS)

install-galaxy:
	tests/integration/galaxy/install '$(GALAXY_HOME)' $(ARGS)

wrappers: setup
	utrlm-wrappers

lint: setup-test
	ruff check .
	ruff format --check .
	mypy
	nextflow lint main.nf modules subworkflows nextflow.config conf

coverage: setup-test
	$(call try,.venv/bin/pip install -q -c constraints.txt -e '.[coverage]')
	rm -rf .coverage && mkdir .coverage
	coverage run -m pytest $(TESTS)
	coverage combine -q
	coverage html -q -d .coverage/html --fail-under 0
	coverage report --fail-under $(LEAST)

package: setup
	$(call try,.venv/bin/pip install -q -c constraints.txt -e '.[package]')
	rm -rf dist
	python -m build
	twine check --strict dist/*
	sha256sum dist/*.tar.gz

docs: setup
	$(call try,.venv/bin/pip install -q -c constraints.txt -e '.[docs]')
	NO_MKDOCS_2_WARNING=1 mkdocs build --strict --quiet

lint-nf-core: setup
	$(PYTHON) -m venv .venv-nf-core
	$(call try,.venv-nf-core/bin/pip install -q nf-core==4.2.1)
	.venv-nf-core/bin/python tools/nf_core_lint.py

lint-crate: setup
	$(PYTHON) -m venv .venv-crate
	$(call try,.venv-crate/bin/pip install -q roc-validator==0.13.0)
	nextflow -q run main.nf -profile test --report false --outdir build/crate
	.venv-crate/bin/python tools/crate_lint.py . build/crate
