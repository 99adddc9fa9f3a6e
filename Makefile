# moecast: everything a user or a developer runs. `make help` lists it.
SHELL := /bin/bash
SWIFT ?= swift
PREFIX ?= /usr/local
PROGRAM := .build/release/moecast
# Tests are built optimised: golden equality runs over whole traces.
TEST := --scratch-path .build-test -c release -Xswiftc -enable-testing
PYTHON_PATH := PATH="$(CURDIR)/.venv/bin:$$PATH"

.PHONY: help setup build install test demo models format lint bench faults fuzz sanitize-address \
  sanitize-thread clean

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install missing system packages (Debian)
	@.ci/setup build

build: setup ## build the program: .build/release/moecast
	$(SWIFT) build -c release --product moecast --static-swift-stdlib

install: build ## install the program to PREFIX/bin (default /usr/local)
	install -D -m 755 $(PROGRAM) $(DESTDIR)$(PREFIX)/bin/moecast

test: ## set up and run all tests
	@.ci/setup test
	$(PYTHON_PATH) $(SWIFT) test $(TEST)

demo: build ## train, checkpoint, resume, evaluate and simulate on the trace shipped in models/
	@.ci/demo $(PROGRAM)

models: build ## make models/ again from ../shared/traces/tiny-moe
	@.ci/models $(PROGRAM)

format: ## format all Swift code
	$(SWIFT) format -i -r Sources Tests Package.swift

lint: ## check the format of all Swift code
	$(SWIFT) format lint --strict -r Sources Tests Package.swift

bench: build ## measure the speed of training on the shipped trace
	@for n in 1 2 3; do $(PROGRAM) train models/tiny-moe-train.moe.lz4 --workers 1 | tail -1; done

faults: ## kill, fail, cut and flip everything, in full (minutes); `make test` runs a part of it
	@.ci/setup test
	MOECAST_FAULTS=full $(PYTHON_PATH) $(SWIFT) test $(TEST) --filter FaultTests

# Seconds of fuzzing a target; 450 make an hour of the eight.
FUZZ_SECONDS ?= 450
FUZZ := trace model paper-json gpt-oss-json npz vllm-npy moe-beyond-csv esft

fuzz: setup ## fuzz every reader, FUZZ_SECONDS=450 each
	MOECAST_FUZZ=1 $(SWIFT) build -c release --sanitize=fuzzer --product Fuzz --scratch-path .build-fuzz
	@for target in $(FUZZ); do \
	  mkdir -p .build-fuzz/corpus/$$target; \
	  echo "$$target, $(FUZZ_SECONDS) s"; \
	  SWIFT_BACKTRACE=enable=no .build-fuzz/release/Fuzz $$target .build-fuzz/corpus/$$target \
	    -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=2048 -timeout=20 -verbosity=0 \
	    -artifact_prefix=.build-fuzz/$$target- || exit 1; \
	done

sanitize-address: ## run the tests under the address sanitizer
	@.ci/setup test
	ASAN_OPTIONS=detect_leaks=0 $(PYTHON_PATH) $(SWIFT) test --sanitize=address \
	  --scratch-path .build-address --skip "Golden|RealTrace|FaultTests"

sanitize-thread: ## run the tests under the thread sanitizer
	@.ci/setup test
	$(PYTHON_PATH) $(SWIFT) test --sanitize=thread \
	  --scratch-path .build-thread --skip "Golden|RealTrace|FaultTests"

clean: ## remove what was built
	rm -rf .build .build-test .build-fuzz .build-address .build-thread .demo
