# moecast: everything a user or a developer runs. `make help` lists it.
SHELL := /bin/bash
SWIFT ?= swift
PREFIX ?= /usr/local
PROGRAM := .build/release/moecast
# Tests are built optimised: golden equality runs over whole traces.
TEST := --scratch-path .build-test -c release -Xswiftc -enable-testing
PYTHON_PATH := PATH="$(CURDIR)/.venv/bin:$$PATH"

.PHONY: help setup build install test demo models format lint bench clean

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

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

clean: ## remove what was built
	rm -rf .build .build-test .demo
