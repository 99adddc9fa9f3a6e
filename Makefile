# moecast: everything a user or a developer runs. `make help` lists it.
SHELL := /bin/bash
SWIFT ?= swift
PREFIX ?= /usr/local
BUILD ?= .build
PROGRAM := $(BUILD)/release/moecast
# Tests are built optimised: golden equality runs over whole traces.
TEST := --scratch-path .build-test -c release -Xswiftc -enable-testing
# The processor to build for: x86-64-v3 (AVX2) where this machine has it; MARCH= builds for all.
MARCH ?= $(shell grep -qsw avx2 /proc/cpuinfo && grep -qsw bmi2 /proc/cpuinfo && echo x86-64-v3)
RELEASE := --scratch-path $(BUILD) -c release -Xswiftc -static-stdlib $(if $(MARCH),-Xcc -march=$(MARCH))
# libmoecast.so and the names by which linkers and loaders look for it.
LIBRARY := $(BUILD)/library
VERSION := $(shell awk '/define MOECAST_VERSION_/{v=v s $$3; s="."} END{print v}' Sources/CLibrary/include/moecast.h)
MAJOR := $(firstword $(subst ., ,$(VERSION)))
PYTHON_PATH := PATH="$(CURDIR)/.venv/bin:$$PATH"

.PHONY: help setup build library documents deb wheel service install install-service test test-library test-python \
  test-service load demo look-at-report models docs pages format lint bench bench-peers growth same-bytes faults \
  mutants fuzz sanitize-address sanitize-thread clean

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## say and install what is missing (Debian); MOECAST_SETUP=skip only says
	@.ci/setup build

build: setup ## build the program: .build/release/moecast
	$(SWIFT) build $(RELEASE) --product moecast

library: setup ## build the C library: .build/library/libmoecast.so
	$(SWIFT) build $(RELEASE) --product moecast-c -Xlinker --version-script=$(CURDIR)/Sources/CLibrary/exports.map \
	  -Xlinker -soname=libmoecast.so.$(MAJOR) -Xlinker --gc-sections
	@mkdir -p $(LIBRARY)
	strip --strip-unneeded -o $(LIBRARY)/libmoecast.so.$(VERSION) $(BUILD)/release/libmoecast-c.so
	@ln -sf libmoecast.so.$(VERSION) $(LIBRARY)/libmoecast.so.$(MAJOR)
	@ln -sf libmoecast.so.$(MAJOR) $(LIBRARY)/libmoecast.so

# What goes to PREFIX/share: completions for bash, zsh and fish, man pages.
SHARE := $(BUILD)/share

documents: build ## make completions and man pages: .build/share/
	@rm -rf $(SHARE)
	@mkdir -p $(SHARE)/bash-completion/completions $(SHARE)/zsh/site-functions $(SHARE)/fish/vendor_completions.d
	$(PROGRAM) --generate-completion-script bash > $(SHARE)/bash-completion/completions/moecast
	$(PROGRAM) --generate-completion-script zsh > $(SHARE)/zsh/site-functions/_moecast
	$(PROGRAM) --generate-completion-script fish > $(SHARE)/fish/vendor_completions.d/moecast.fish
	.ci/man $(PROGRAM) $(SHARE)/man/man1

install: build library documents ## install program, C library, completions and man pages to PREFIX (/usr/local)
	install -D -m 755 $(PROGRAM) $(DESTDIR)$(PREFIX)/bin/moecast
	install -D -m 644 $(LIBRARY)/libmoecast.so.$(VERSION) $(DESTDIR)$(PREFIX)/lib/libmoecast.so.$(VERSION)
	ln -sf libmoecast.so.$(VERSION) $(DESTDIR)$(PREFIX)/lib/libmoecast.so.$(MAJOR)
	ln -sf libmoecast.so.$(MAJOR) $(DESTDIR)$(PREFIX)/lib/libmoecast.so
	install -D -m 644 Sources/CLibrary/include/moecast.h $(DESTDIR)$(PREFIX)/include/moecast.h
	@mkdir -p $(DESTDIR)$(PREFIX)/lib/pkgconfig
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' Sources/CLibrary/moecast.pc.in \
	  > $(DESTDIR)$(PREFIX)/lib/pkgconfig/moecast.pc
	cd $(SHARE) && find . -type f -exec install -D -m 644 {} $(abspath $(DESTDIR)$(PREFIX))/share/{} \;

deb: ## make a Debian package of what `install` installs: .build/moecast_VERSION_ARCHITECTURE.deb
	@rm -rf $(BUILD)/deb
	@$(MAKE) --no-print-directory install DESTDIR=$(abspath $(BUILD)/deb) PREFIX=/usr
	@.ci/deb $(BUILD) $$($(PROGRAM) --version | cut -d' ' -f2)

wheel: build library ## build the Python package's wheel, library and program inside: .build/wheel/
	@.ci/setup test
	@.ci/wheel $(LIBRARY)/libmoecast.so $(PROGRAM)

# A package of its own: the web server takes longer to build than all the rest.
SERVICE := cd Sources/HTTPService && $(SWIFT) build --scratch-path $(CURDIR)/.build-service -c release \
  -Xswiftc -static-stdlib $(if $(MARCH),-Xcc -march=$(MARCH)) --product moecast-serve

service: build ## build moecast-serve, which `moecast serve` runs: .build/release/moecast-serve
	@touch Sources/HTTPService/Package.swift # else new files of moecast are not seen
	$(SERVICE)
	install -s -m 755 .build-service/release/moecast-serve $(BUILD)/release/moecast-serve

install-service: service install ## install moecast-serve beside moecast
	install -D -m 755 $(BUILD)/release/moecast-serve $(DESTDIR)$(PREFIX)/bin/moecast-serve

test-service: service ## run the tests of moecast-serve: both doors, bad clients, kill -9
	@.ci/setup test
	$(PYTHON_PATH) python3 -m unittest discover -s Tests/Service

# What of it: --clients, --rate, --seconds; see Tests/Service/load.py.
LOAD ?= --clients 64 --rate 10000 --seconds 60
load: service ## replay a trace through moecast-serve while it learns; LOAD="--clients 1 --seconds 10"
	@.ci/setup test
	$(PYTHON_PATH) python3 Tests/Service/load.py $(LOAD) models/tiny-moe-train.moe.lz4

test: ## set up and run all tests
	@.ci/setup test
	$(PYTHON_PATH) $(SWIFT) test $(TEST)
	@$(MAKE) --no-print-directory test-library
	@$(MAKE) --no-print-directory test-python

test-library: build library ## run the tests of the C library, plain and under the address sanitizer
	@Tests/CLibraryTests/run $(LIBRARY) $(PROGRAM)

test-python: build library ## run the tests of the Python package
	@.ci/setup test
	@$(PYTHON_PATH) MOECAST_LIBRARY=$(abspath $(LIBRARY))/libmoecast.so MOECAST_PROGRAM=$(abspath $(PROGRAM)) \
	  .ci/test-python

demo: build ## train, checkpoint, resume, evaluate and simulate on the trace shipped in models/
	@.ci/demo $(PROGRAM)

# Where pictures of pages go.
LOOK ?= .build-look
look-at-report: build ## make reports of the shipped traces and open them in Chromium: pictures and PDFs in LOOK
	@mkdir -p $(LOOK)
	$(PROGRAM) report models/tiny-moe.h5 models/tiny-moe-test.moe.lz4 -o $(LOOK)/report.html
	$(PROGRAM) report models/tiny-moe.h5 -o $(LOOK)/model.html
	@.ci/look-at-report $(LOOK) $(LOOK)/report.html $(LOOK)/model.html

models: build ## make models/ again from ../shared/traces/tiny-moe
	@.ci/models $(PROGRAM)

# The library's modules and those of the service, as `swift build` leaves them.
docs: setup ## build the documentation of all modules as one site: .build/docs/index.html
	$(SWIFT) build $(RELEASE) --target Moecast
	$(SWIFT) build $(RELEASE) --target Service
	.ci/docs $(BUILD) $(BUILD)/docs

pages: ## check links, tables and the index of all pages
	@.ci/pages

format: ## format all Swift code
	$(SWIFT) format -i -r Sources Tests Package.swift

lint: ## check the format of all Swift code
	$(SWIFT) format lint --strict -r Sources Tests Package.swift

bench: build ## measure the hot paths beside what the machine can do (minutes)
	$(SWIFT) build $(RELEASE) --product moecast-bench
	$(BUILD)/release/moecast-bench --program $(PROGRAM)

bench-peers: build ## measure Python dicts, numpy, numba, River and Vowpal Wabbit beside the program
	@.ci/bench-peers $(PROGRAM)

growth: build ## run every subcommand on traces that are extreme in one way each: time and memory
	@.ci/setup test
	@$(PYTHON_PATH) .ci/growth $(PROGRAM)

same-bytes: ## build for all processors and for AVX2; their models must be the same, byte for byte
	@.ci/same-bytes

faults: ## kill, fail, cut and flip everything, in full (minutes); `make test` runs a part of it
	@.ci/setup test
	MOECAST_FAULTS=full $(PYTHON_PATH) $(SWIFT) test $(TEST) --filter FaultTests

# What of it: numbers, rooms or files of `.ci/mutants --list`; --quick.
MUTANTS ?=
mutants: setup ## plant faults one at a time and name those that no test notices (hours); MUTANTS="Wafer 3-7"
	@.ci/setup test
	.ci/mutants $(MUTANTS)

# Seconds of fuzzing a target; 150 make an hour of the two dozen.
FUZZ_SECONDS ?= 400
# Targets to fuzz; all of them unless given.
FUZZ ?=

fuzz: setup ## fuzz every reader, FUZZ_SECONDS=400 each; FUZZ="trace npz" these alone
	MOECAST_FUZZ=1 $(SWIFT) build -c release --sanitize=fuzzer --product Fuzz --scratch-path .build-fuzz
	@set -e; targets="$(or $(FUZZ),$$(.build-fuzz/release/Fuzz list))"; \
	for target in $$targets; do \
	  mkdir -p .build-fuzz/corpus/$$target; \
	  echo "$$target, $(FUZZ_SECONDS) s"; \
	  SWIFT_BACKTRACE=enable=no .build-fuzz/release/Fuzz $$target .build-fuzz/corpus/$$target \
	    -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=2048 -timeout=20 -verbosity=0 \
	    -artifact_prefix=.build-fuzz/$$target- || exit 1; \
	done

sanitize-address: ## run the tests under the address sanitizer
	@.ci/setup test
	ASAN_OPTIONS=detect_leaks=0 $(PYTHON_PATH) $(SWIFT) test --sanitize=address \
	  --scratch-path .build-address --skip "Golden|RealTrace|FaultTests|Staging|CacheStudy"

sanitize-thread: ## run the tests under the thread sanitizer
	@.ci/setup test
	$(PYTHON_PATH) $(SWIFT) test --sanitize=thread \
	  --scratch-path .build-thread --skip "Golden|RealTrace|FaultTests|Staging|CacheStudy"

clean: ## remove what was built
	rm -rf .build .build-test .build-fuzz .build-address .build-thread .build-portable .build-mutants .build-service .demo .venv-peers
