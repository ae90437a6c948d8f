# One command for each thing a person wants; each installs what it needs, says what it does and is cached.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready
ARGS ?=
# Compiled bytecode is kept even where the environment says otherwise: without it each start compiles every library anew.
export PYTHONDONTWRITEBYTECODE :=

$(READY): requirements/dev.txt pyproject.toml
	@$(PYTHON) scripts/environment.py $(VENV)

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' Makefile

.PHONY: demo
demo: $(READY) ## a cluster, an attack on K10, and what is found: a whole node where root can (YES=1 installs Debian packages), else a control plane
	@$(PY) -m tests.demo $(ARGS)

.PHONY: test
test: binaries ## everything: rooms alone and together beside the whole operator on a real kube-apiserver and node, killed at random too
	@$(PY) scripts/both_halves.py $(ARGS)

.PHONY: test-unit
test-unit: $(READY) ## the first half alone: every room by itself with real SQLite, files and sockets, no cluster
	@$(PY) -m pytest tests/unit $(ARGS)

.PHONY: lint
lint: $(READY) ## format, lint, types, rooms and arrows, generated files, menu and links of the docs, no package host named
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports
	@$(PY) -m auditwatch crds --check --output-dir crds
	@$(PY) scripts/docs.py check
	@$(PY) scripts/chart.py --check
	@$(PY) -m scripts.bundle --check
	@$(PY) scripts/no_package_hosts.py

.PHONY: format
format: $(READY) ## let ruff format and mend what it can
	@$(VENV)/bin/ruff format . && $(VENV)/bin/ruff check --fix .

.PHONY: binaries
binaries: $(READY) ## Kubernetes and the K10 stand-in, built once and cached (about 10 minutes the first time)
	@$(PY) -m tests.cluster.build

.PHONY: cluster
cluster: binaries ## a control plane with the K10 stand-in; prints the export KUBECONFIG=… to use it
	@$(PY) -m tests.cluster up --k10 $(ARGS)

.PHONY: node
node: binaries ## the same with a kubelet: a whole node that runs pods (root; YES=1 installs Debian packages it needs)
	@$(PY) -m tests.cluster up --node --k10 --name node $(ARGS)

.PHONY: node-down
node-down: $(READY) ## stop it and leave nothing behind
	@$(PY) -m tests.cluster down --name node $(ARGS)

.PHONY: cluster-down
cluster-down: $(READY) ## stop it and leave nothing behind
	@$(PY) -m tests.cluster down $(ARGS)

.PHONY: image
image: $(READY) ## the operator's image as a tar, without Docker (root; YES=1 installs Debian packages; ARGS="--arch arm64")
	@$(PY) -m tests.images $(ARGS)

.PHONY: bench
bench: binaries ## figures: scanning a gigabyte, 50,000 restore points, memory, time to notice (ARGS="scan --size 1e9")
	@$(PY) -m tests.benchmarks $(ARGS)

.PHONY: torture
torture: binaries ## the long form of kill -9 and restarts: readers 1,000 times each, about an hour (ARGS="--kills 200": fewer)
	@$(PY) -m pytest -m torture tests/torture --long -s -o faulthandler_timeout=10800 $(ARGS)

.PHONY: e2e
e2e: binaries ## image (arm64 too) and chart on a node: install, attack, upgrade, roll back, restart, remove; times and memory of each step
	@$(PY) -m pytest tests/e2e --long -k 'installed or demo or image or monitoring or kind' -s -o faulthandler_timeout=5400 $(ARGS)

.PHONY: kind
kind: binaries ## the demo in a kind cluster, where there is no Docker and no registry: a daemon and a node image of its own (root; YES=1; ARGS=bash)
	@$(PY) -m tests.kind $(ARGS)

.PHONY: cgroup2
cgroup2: binaries ## the node where cgroups are of version 2 alone: its tests on a machine that QEMU emulates, with Debian's kernel (slow)
	@$(PY) -m tests.machine $(PY) -m pytest tests/e2e/test_node.py $(ARGS)

.PHONY: docs
docs: ## the documentation as a site in site/, strictly: every link, nothing fetched from elsewhere
	@$(PYTHON) scripts/docs.py build

.PHONY: reference
reference: $(READY) ## write the generated pages of docs/reference again: rules and fields
	@$(PY) -m auditwatch.cli.reference docs/reference

.PHONY: bundle
bundle: $(READY) ## write bundle/ again: what Operator Lifecycle Manager installs
	@$(PY) -m scripts.bundle $(ARGS)

.PHONY: lock
lock: ## compile the lock files again (needs uv)
	@scripts/lock.sh

.PHONY: clean
clean: ## remove the virtual environment and caches of this checkout
	@rm -rf $(VENV) .venv-docs site .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
