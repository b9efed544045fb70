# Thin calls; what they do lives in CMakePresets.json and scripts/.
PRESET ?= release
BUILD := build/$(PRESET)
JOBS ?= $(shell nproc)

.PHONY: up test build bench lint format

# Everything on this machine, with demo agents on an empty database.
up:
	scripts/setup run
	@$(MAKE) --no-print-directory build
	$(BUILD)/bin/dunetrace up --demo

# Everything that can be checked.
test:
	scripts/setup test
	@$(MAKE) --no-print-directory build
	scripts/run_tests $(BUILD)

build:
	scripts/setup build
	scripts/build $(PRESET) $(JOBS)

bench:
	scripts/setup build
	@$(MAKE) --no-print-directory build
	scripts/bench $(BUILD)

lint:
	scripts/setup lint
	scripts/lint $(BUILD)

format:
	scripts/setup lint
	scripts/format
