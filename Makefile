# One target for each task of a user or developer. `make help` lists them.
SHELL := /bin/bash
BUILD := .build
RELEASE := $(BUILD)/release
export AURELAX_PYTHON := $(CURDIR)/$(BUILD)/python/bin/python
# Release mode for the tests too: numerical tests are slow without the optimiser, and one build serves
# the demo, the tests and the benchmarks.
SWIFT_FLAGS := -c release

.PHONY: help setup build models demo bench peers test test-fast test-slurm test-views test-engines first-hour setup-mlip setup-dft setup-ipi compare-engines torture fuzz units install deb check-deb docs lint format clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' Makefile

setup: ## install what this machine lacks (apt packages, a private Python environment)
	@scripts/setup

build: setup ## build everything in release mode
	@swift build $(SWIFT_FLAGS)

models: build ## train the force fields whose files are missing or older than their recipes
	@scripts/train-models $(RELEASE)/aurelax

demo: build models ## relax a gold–thiolate ring, from the inbox through ML and GPAW to the result
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

test: setup ## all tests, including end-to-end tests with real daemons and real GPAW
	@swift build $(SWIFT_FLAGS) --build-tests
	@scripts/train-models $(RELEASE)/aurelax
	@AURELAX_SLOW_TESTS=1 swift test $(SWIFT_FLAGS) --skip-build

test-slurm: setup ## test the daemon with a real Slurm of one node on this machine; needs root
	@if [ "$$(id -u)" -ne 0 ]; then echo "test-slurm: skipped: Slurm's node daemon needs root"; exit 0; fi; \
	    set -e; scripts/setup scripts/apt-packages-slurm.txt; swift build $(SWIFT_FLAGS) --product aurelax; \
	    scripts/test-slurm $(RELEASE)

test-views: setup ## test the live table in tmux, pages and a report in a headless Chromium, and Use in the README
	@scripts/setup scripts/apt-packages-views.txt
	@swift build $(SWIFT_FLAGS) --product aurelax
	@scripts/train-models $(RELEASE)/aurelax
	@scripts/test-views $(RELEASE)

test-engines: setup setup-ipi setup-dft ## test the socket protocol with the installed engines, ASE and i-PI
	@swift build $(SWIFT_FLAGS) --product aurelax
	@scripts/train-models $(RELEASE)/aurelax
	@$(AURELAX_PYTHON) scripts/test-engines $(RELEASE)/aurelax

setup-mlip: ## install SevenNet-0 and CHGNet in a separate Python environment (1.6 GB)
	@scripts/setup-mlip

setup-dft: ## unpack Debian's package of Quantum ESPRESSO in the build folder (300 MB)
	@scripts/setup-dft

setup-ipi: ## install i-PI in a separate Python environment, for test-engines
	@test -e $(BUILD)/ipi/complete || { mkdir -p $(BUILD) && /usr/bin/python3 -m venv $(BUILD)/ipi && \
	    $(BUILD)/ipi/bin/pip install --disable-pip-version-check -q ipi==3.3.1 && touch $(BUILD)/ipi/complete; }

compare-engines: build models ## print force errors and the time of a call, for thiolate-gold and every installed engine
	@$(AURELAX_PYTHON) scripts/compare-engines $(RELEASE)/aurelax

first-hour: setup ## test the first hour of a new user: files in and out, many jobs, tables, an archive
	@swift build $(SWIFT_FLAGS) --product aurelax
	@scripts/train-models $(RELEASE)/aurelax
	@scripts/first-hour $(RELEASE)

torture: setup ## test the faults at full strength: kills, bursts, a million mutated structures, a soak of 10,000 jobs
	@swift build $(SWIFT_FLAGS) --build-tests
	@scripts/train-models $(RELEASE)/aurelax
	@scripts/torture $(RELEASE)

fuzz: setup ## run libFuzzer on every reader of foreign files, each for FUZZ_SECONDS (60)
	@AURELAX_FUZZING=1 swift build $(SWIFT_FLAGS) --sanitize fuzzer --product aurelax-fuzz --scratch-path $(BUILD)/fuzzing
	@scripts/fuzz $(BUILD)/fuzzing/release/aurelax-fuzz

units: build models ## check the systemd units, and start them with a real systemd (root)
	@scripts/setup scripts/apt-packages-units.txt scripts/apt-packages-slurm.txt
	@scripts/check-units $(RELEASE)
	@scripts/boot-units $(RELEASE)

PREFIX ?= /usr/local
install: build models ## install programs, models, completions, manual pages and systemd units under PREFIX (/usr/local)
	@scripts/install $(RELEASE) $(PREFIX)

deb: build models ## make a Debian package in .build/deb
	@scripts/setup scripts/apt-packages-deb.txt
	@scripts/make-deb $(RELEASE) $(BUILD)/deb

check-deb: deb ## install that package in a new Debian 12 and relax a ring there (root)
	@scripts/check-deb $(BUILD)/deb/*.deb

docs: build ## make the reference of the library products, a DocC archive in .build/docs
	@scripts/make-docs $(RELEASE) $(BUILD)/docs

lint: ## check the format of the Swift sources, as CI does
	@swift format lint --strict --recursive Sources Tests Benchmarks Package.swift

format: ## format the Swift sources in place
	@swift format --in-place --recursive Sources Tests Benchmarks Package.swift

clean: ## remove the build folder
	@rm -rf $(BUILD)
