# One target for each thing a person does. `make help` lists them.
SHELL := /bin/bash
BUILD := .build
RELEASE := $(BUILD)/release
export AURELAX_PYTHON := $(CURDIR)/$(BUILD)/python/bin/python
# Release mode for the tests too: numerical tests are slow without the optimiser, and one build serves
# the demo, the tests and the benchmarks.
SWIFT_FLAGS := -c release

.PHONY: help setup build models demo bench peers test test-fast test-slurm test-views test-engines first-hour setup-mlip setup-dft setup-ipi compare-engines torture fuzz units install deb check-deb docs lint format clean

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' Makefile

setup: ## install what this machine lacks (apt packages, a private Python environment)
	@scripts/setup

build: setup ## build everything in release mode
	@swift build $(SWIFT_FLAGS)

models: build ## train the force fields whose files are missing or older than their recipes
	@scripts/train-models $(RELEASE)/aurelax

demo: build models ## relax a gold–thiolate ring: drop, ML, GPAW, result
	@scripts/demo $(RELEASE)

bench: build models ## time our code and its peers on this machine (some minutes)
	@scripts/setup scripts/apt-packages-bench.txt
	@$(RELEASE)/aurelax-bench
	@$(RELEASE)/aurelax-bench sizes

peers: build ## forces of GFN1-xTB and GFN-FF on the held-out frames, compared with DFT
	@scripts/setup scripts/apt-packages-bench.txt
	@scripts/compare-peers $(RELEASE)/aurelax

test-fast: setup ## the tests that take about a minute
	@swift build $(SWIFT_FLAGS) --build-tests
	@swift test $(SWIFT_FLAGS) --skip-build

test: setup ## every test, the end-to-end ones with a real daemon and real GPAW included
	@swift build $(SWIFT_FLAGS) --build-tests
	@scripts/train-models $(RELEASE)/aurelax
	@AURELAX_SLOW_TESTS=1 swift test $(SWIFT_FLAGS) --skip-build

test-slurm: setup ## the daemon with a real Slurm of one node on this machine; needs root
	@if [ "$$(id -u)" -ne 0 ]; then echo "test-slurm: skipped: Slurm's node daemon needs root"; exit 0; fi; \
	    set -e; scripts/setup scripts/apt-packages-slurm.txt; swift build $(SWIFT_FLAGS) --product aurelax; \
	    scripts/test-slurm $(RELEASE)

test-views: setup ## the live table in tmux, pages and a report in a headless Chromium, the README's Use
	@scripts/setup scripts/apt-packages-views.txt
	@swift build $(SWIFT_FLAGS) --product aurelax
	@scripts/train-models $(RELEASE)/aurelax
	@scripts/test-views $(RELEASE)

test-engines: setup setup-ipi setup-dft ## engines that are installed, ASE and i-PI at the other end of the socket
	@swift build $(SWIFT_FLAGS) --product aurelax
	@scripts/train-models $(RELEASE)/aurelax
	@$(AURELAX_PYTHON) scripts/test-engines $(RELEASE)/aurelax

setup-mlip: ## SevenNet-0 and CHGNet in a Python environment of their own (1.6 GB)
	@scripts/setup-mlip

setup-dft: ## Quantum ESPRESSO from Debian's package, unpacked in the build folder (300 MB)
	@scripts/setup-dft

setup-ipi: ## i-PI in a Python environment of its own, for test-engines
	@test -e $(BUILD)/ipi/complete || { mkdir -p $(BUILD) && /usr/bin/python3 -m venv $(BUILD)/ipi && \
	    $(BUILD)/ipi/bin/pip install --disable-pip-version-check -q ipi==3.3.1 && touch $(BUILD)/ipi/complete; }

compare-engines: build models ## force error and time of a call, for our model and every engine that is installed
	@$(AURELAX_PYTHON) scripts/compare-engines $(RELEASE)/aurelax

first-hour: setup ## what a new user does in the first hour: files in and out, many jobs, tables, an archive
	@swift build $(SWIFT_FLAGS) --product aurelax
	@scripts/train-models $(RELEASE)/aurelax
	@scripts/first-hour $(RELEASE)

torture: setup ## the faults at full strength: kills, bursts, a million mutated structures, a soak of 10,000 jobs
	@swift build $(SWIFT_FLAGS) --build-tests
	@scripts/train-models $(RELEASE)/aurelax
	@scripts/torture $(RELEASE)

fuzz: setup ## libFuzzer on every reader of foreign files, FUZZ_SECONDS each (60)
	@AURELAX_FUZZING=1 swift build $(SWIFT_FLAGS) --sanitize fuzzer --product aurelax-fuzz --scratch-path $(BUILD)/fuzzing
	@scripts/fuzz $(BUILD)/fuzzing/release/aurelax-fuzz

units: build models ## check the systemd units, and start them with a real systemd (root)
	@scripts/setup scripts/apt-packages-units.txt scripts/apt-packages-slurm.txt
	@scripts/check-units $(RELEASE)
	@scripts/boot-units $(RELEASE)

PREFIX ?= /usr/local
install: build models ## programs, models, completions, manual pages and systemd units under PREFIX (/usr/local)
	@scripts/install $(RELEASE) $(PREFIX)

deb: build models ## a Debian package, in .build/deb
	@scripts/setup scripts/apt-packages-deb.txt
	@scripts/make-deb $(RELEASE) $(BUILD)/deb

check-deb: deb ## install that package in a new Debian 12 and relax a ring there (root)
	@scripts/check-deb $(BUILD)/deb/*.deb

docs: build ## the reference of the library products, a DocC archive in .build/docs
	@scripts/make-docs $(RELEASE) $(BUILD)/docs

lint: ## what CI would send back
	@swift format lint --strict --recursive Sources Tests Benchmarks Package.swift

format: ## format the Swift sources in place
	@swift format --in-place --recursive Sources Tests Benchmarks Package.swift

clean: ## remove the build folder
	@rm -rf $(BUILD)
