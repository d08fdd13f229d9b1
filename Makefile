# What people type here. `make help` says what there is. Everything lands in $(VENV), .build/ and .cache/.
VENV ?= .venv
PYTHON ?= python3
BUILD ?= .build
# The sandbox's control plane: embedded, or real (etcd, kube-apiserver and the rest; built with Go once).
BACKEND ?= embedded
export VENV PYTHON BUILD
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

python := $(VENV)/bin/python
timed := @tests/tools/timed.sh
lints := ruff format-check mypy yamllint ansible-lint
docs := docs-lint ansible-doc changelog-lint

.DEFAULT_GOAL := help
.PHONY: help demo sandbox-up sandbox-down test e2e lint sanity unit role contract docs install-check matrix format changelog clean \
        controlplane contract-table $(lints) $(docs) setup-sandbox setup-test

help:  ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*  ## /  make \1\t/p' Makefile | expand -t 22

demo: setup-sandbox  ## a sandbox starts, the example application moves to another zone, the sandbox stops
	@$(python) -m tests.sandbox demo --backend $(BACKEND)

sandbox-up: setup-sandbox  ## start a sandbox that stays; .sandbox/env.sh then says how to reach it (BACKEND=real: on a real control plane)
	@$(python) -m tests.sandbox up --backend $(BACKEND)

sandbox-down: setup-sandbox  ## stop it
	@$(python) -m tests.sandbox down

# The longest first: two run at a time.
test: setup-test  ## everything from here to install-check
	@MAKE="$(MAKE)" tests/tools/all.sh sanity unit role contract install-check lint docs

lint: $(lints)  ## ruff, mypy --strict on module_utils, yamllint, ansible-lint with the production profile

sanity: setup-test  ## ansible-test sanity, nothing ignored
	$(timed) "ansible-test sanity" tests/tools/sanity.sh

unit: setup-test  ## unit tests of the collection and of the sandbox
	$(timed) "unit tests" tests/tools/pytest.sh unit -n 2

role: setup-test  ## the role and the playbooks against the sandbox
	$(timed) "role tests" tests/tools/pytest.sh role -n 2

contract: setup-test  ## the embedded control plane against the record of a real one
	$(timed) "contract tests" tests/tools/pytest.sh contract -n 2

docs: $(docs)  ## documentation of modules and role, changelog

install-check: setup-test  ## build, install into an empty place, run from there by name
	$(timed) "install tests" tests/tools/pytest.sh install

# Where there is neither Go nor a built control plane this fails and says so: nothing was tested.
e2e: setup-test controlplane  ## the role and the contract on a real control plane
	$(timed) "e2e tests" tests/tools/pytest.sh e2e
	$(timed) "real contract tests" env ZONESHIFT_BACKENDS=real \
	    tests/tools/pytest.sh contract --junit-xml $(BUILD)/junit/real-contract.xml
	$(timed) "real role tests" env ZONESHIFT_BACKENDS=real \
	    tests/tools/pytest.sh role -n 2 --junit-xml $(BUILD)/junit/real-role.xml

contract-table:  ## which cases of the contract passed on which control plane when they ran last
	@$(python) -m tests.contract.table $(wildcard $(BUILD)/junit/*contract.xml)

controlplane: setup-sandbox  ## build the real control plane unless it is there; once, about ten minutes
	@$(python) -m tests.sandbox.kube.real.binaries

matrix:  ## unit, role and sanity with every other ansible-core whose Python is here
	@MAKE="$(MAKE)" tests/tools/matrix.sh

format: setup-test  ## put the Python files into shape
	@ruff check --fix --quiet . ; ruff format .

changelog: setup-test  ## release: turn the fragments into the part of CHANGELOG.md for the version in galaxy.yml
	antsibull-changelog release --reload-plugins

clean:  ## remove what the targets above made
	rm -rf $(BUILD) .cache .venv .venv-*

ruff: setup-test
	$(timed) "ruff check" ruff check .

format-check: setup-test
	$(timed) "ruff format" ruff format --diff --quiet .

mypy: setup-test
	$(timed) "mypy --strict" mypy -p ansible_collections.zoneshift.ack.plugins.module_utils

yamllint: setup-test
	$(timed) "yamllint" yamllint --strict .

ansible-lint: setup-test
	$(timed) "ansible-lint" ansible-lint --nocolor --offline --profile production

docs-lint: setup-test
	$(timed) "antsibull-docs lint" antsibull-docs lint-collection-docs --plugin-docs \
	    --validate-collection-refs all --disallow-unknown-collection-refs .

ansible-doc: setup-test
	$(timed) "ansible-doc" tests/tools/ansible_doc.sh

changelog-lint: setup-test
	$(timed) "antsibull-changelog lint" antsibull-changelog lint

setup-sandbox:
	@tests/tools/setup.sh sandbox

setup-test:
	@tests/tools/setup.sh test
