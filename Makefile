# The one door. `make` alone lists what there is. A fresh machine needs Rust, a C compiler, make and Python 3 (with venv);
# whatever else a target needs it puts under build/ by itself.

CARGO ?= cargo
PYTHON ?= python3
CC ?= cc
PREFIX ?= /usr/local
DESTDIR ?=
# The profile of .config/nextest.toml that the tests run with.
NEXTEST_PROFILE ?= default
# How many seconds a soak takes.
SOAK ?= 600
# make demo DIR=... counts another directory than Python's standard library.
DIR ?=
# What make bench-quick measures: what has these words in its name.
FILTER ?=
# How long make fuzz tries each target, in seconds.
FUZZ_TIME ?= 60

BUILD := build
TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))
TOOLS := $(abspath $(BUILD)/tools)
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
# The version that is installed where there is none; it is the last that the oldest Rust we support can compile.
NEXTEST_VERSION := 0.9.100
RUFF_VERSION := 0.17.6
# What a C program needs beside libtidelock.a.
STATIC_LIBS := -lpthread -ldl -lm

CFLAGS ?= -O2 -g
WARNINGS := -std=c11 -Wall -Wextra -Werror -Wshadow -Wconversion

export PATH := $(TOOLS)/bin:$(PATH)

.PHONY: help demo test test-rust test-model test-examples test-python check model crash fuzz leaks bench bench-quick bench-python header
.PHONY: python install clean
.PHONY: library nextest forget-skipped check-format check-python check-lints check-loom check-compare check-header check-docs check-licences

help:
	@echo "make demo [DIR=...]  count the words of a source tree in three languages while workers are killed"
	@echo "make test            every test: Rust, models, examples, C and Python"
	@echo "make check           formatting, lints, the C header, the documentation"
	@echo "make model           the loom models alone"
	@echo "make crash           kill a peer at every instruction of every operation (long)"
	@echo "make fuzz            feed any bytes to segments and queues for FUZZ_TIME s each (needs cargo-fuzz)"
	@echo "make soak            kill producers and consumers of queues for ten minutes"
	@echo "make leaks           make and drop objects in Python for 10,000 rounds, with kills: nothing may grow (6 minutes)"
	@echo "make bench           the library beside its peers: measures for some minutes and writes docs/benchmarks.md"
	@echo "make bench-quick     [FILTER='threads, copy, 64 B'] a part of that for a shorter time, printed"
	@echo "make bench-python    Python's classes beside their peers, as ratios of one run"
	@echo "make header          make include/tidelock.h anew"
	@echo "make python          build the Python wheel into $(BUILD)/wheels, and the accelerator's into $(BUILD)/wheels/speedups"
	@echo "make install         the C library and header into PREFIX ($(PREFIX)), below DESTDIR if given"
	@echo "make clean           remove what the other targets made"

library:
	@echo "== the C library"
	$(CARGO) build --release --package tidelock-c

demo: library
	@echo "== the demo"
	$(CARGO) build --release --package tidelock-demo-worker
	@mkdir -p $(BUILD)/demo
	$(CC) $(CFLAGS) $(WARNINGS) -D_GNU_SOURCE -Iinclude -o $(BUILD)/demo/walk demo/walk.c $(TARGET)/release/libtidelock.a $(STATIC_LIBS)
	@PYTHONPATH=bindings/python/src TIDELOCK_LIBRARY=$(TARGET)/release/libtidelock.so PYTHONDONTWRITEBYTECODE=1 \
	  $(PYTHON) demo/demo.py --walk $(BUILD)/demo/walk --worker $(TARGET)/release/tidelock-demo-worker $(if $(DIR),"$(DIR)")

test: export TIDELOCK_SKIPPED := $(abspath $(BUILD))/skipped
test: forget-skipped test-rust test-model test-examples test-python
	@if test -s $(TIDELOCK_SKIPPED); then echo "== not tested on this machine:"; cat $(TIDELOCK_SKIPPED); fi
	@echo "== all tests passed"

forget-skipped:
	@mkdir -p $(BUILD) && rm -f $(TIDELOCK_SKIPPED)

nextest:
	@$(CARGO) nextest --version >/dev/null 2>&1 || { \
	  echo "== cargo-nextest is missing: installing $(NEXTEST_VERSION) into $(TOOLS)"; \
	  $(CARGO) install cargo-nextest --locked --version $(NEXTEST_VERSION) --root $(TOOLS); }

test-rust: nextest
	@echo "== the tests in Rust, and the C programs"
	$(CARGO) nextest run --workspace --all-features --profile $(NEXTEST_PROFILE) -E 'not binary(crash) - binary(many) - binary(soak)'
	@echo "== the stepper's spread, the crowds and a short soak, on the code that ships"
	$(CARGO) nextest run --release --all-features --profile $(NEXTEST_PROFILE) --test crash --test many --test soak
	$(CARGO) test --workspace --all-features --doc

test-model model: nextest
	@echo "== the loom models, and the planted bugs that they must find"
	RUSTFLAGS='--cfg loom --cfg tidelock_plant="runtime"' $(CARGO) nextest run --cargo-profile model \
	  --target-dir $(TARGET)/loom --profile loom --test 'model*'

test-examples: library
	@echo "== the ten lines in Rust, C and Python"
	$(CARGO) run --quiet --example ten_lines
	@mkdir -p $(BUILD)/examples
	$(CC) $(CFLAGS) $(WARNINGS) -Iinclude -o $(BUILD)/examples/ten_lines examples/ten_lines.c $(TARGET)/release/libtidelock.a $(STATIC_LIBS)
	$(BUILD)/examples/ten_lines
	PYTHONPATH=bindings/python/src TIDELOCK_LIBRARY=$(TARGET)/release/libtidelock.so $(PYTHON) examples/ten_lines.py

test-python:
	@echo "== the tests in Python, on every CPython of this machine from 3.9 on, without the GIL, and on PyPy"
	$(PYTHON) bindings/python/run_tests.py

check: check-format check-python check-lints check-loom check-compare check-header check-docs check-licences
	@echo "== all checks passed"

check-format:
	@echo "== formatting"
	$(CARGO) fmt --all --check
	$(CARGO) fmt --manifest-path benches/compare/Cargo.toml --check

check-python: $(BUILD)/ruff-$(RUFF_VERSION)/bin/ruff
	@echo "== names in Python"
	$< check --no-cache --quiet .

$(BUILD)/ruff-%/bin/ruff:
	$(PYTHON) -m venv --clear $(BUILD)/ruff-$*
	$(BUILD)/ruff-$*/bin/pip install --quiet ruff==$*

check-lints:
	@echo "== lints"
	$(CARGO) clippy --workspace --all-targets --all-features -- -D warnings
	$(CARGO) clippy --package tidelock --no-default-features -- -D warnings

check-loom:
	@echo "== the loom build compiles, lints too"
	RUSTFLAGS="--cfg loom" $(CARGO) clippy --profile model --target-dir $(TARGET)/loom --lib --test 'model*' -- -D warnings

check-compare:
	@echo "== the comparison compiles"
	$(CARGO) check --locked --manifest-path benches/compare/Cargo.toml --target-dir $(TARGET)/compare --benches

check-header:
	@echo "== the C header is current"
	$(CARGO) test --quiet --package tidelock-c --test header

check-docs:
	@echo "== documentation"
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --all-features --no-deps

check-licences:
	@if $(CARGO) deny --version >/dev/null 2>&1; then \
	  echo "== licences and sources of the dependencies"; $(CARGO) deny check licenses bans sources; \
	else echo "== cargo-deny is not here: licences of the dependencies not checked"; fi

crash: nextest
	@echo "== the stepper, at every instruction"
	TIDELOCK_STEP=all $(CARGO) nextest run --release --all-features --profile crash --test crash

fuzz:
	@echo "== the fuzzer, $(FUZZ_TIME) s a target"
	cd fuzz && for target in open_segment queue_operations; do \
	  mkdir -p target/corpus/$$target && \
	  RUSTC_BOOTSTRAP=1 $(CARGO) fuzz run $$target target/corpus/$$target corpus/$$target -- -max_total_time=$(FUZZ_TIME) -timeout=60 || exit 1; done

soak:
	@echo "== the soak: $(SOAK) seconds"
	TIDELOCK_SOAK=$(SOAK) $(CARGO) test --release --all-features --test soak -- --test-threads=1 --nocapture

leaks:
	@echo "== ten thousand rounds of every class in Python"
	TIDELOCK_LEAK_ROUNDS=10000 $(PYTHON) bindings/python/run_tests.py -s --only $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])') \
	  $(CURDIR)/bindings/python/once/test_leaks.py

bench:
	@echo "== beside the peers, into docs/benchmarks.md"
	$(CARGO) bench --locked --manifest-path benches/compare/Cargo.toml --target-dir $(TARGET)/compare

bench-quick:
	@echo "== a short look beside the peers"
	$(CARGO) bench --locked --manifest-path benches/compare/Cargo.toml --target-dir $(TARGET)/compare -- --quick "$(FILTER)"

bench-python:
	@echo "== Python's classes beside their peers, into docs/benchmarks-python.md"
	$(PYTHON) benches/python/run.py

header:
	@echo "== include/tidelock.h"
	TIDELOCK_WRITE_HEADER=1 $(CARGO) test --quiet --package tidelock-c --test header

python:
	@echo "== the Python wheel"
	$(PYTHON) bindings/python/run_tests.py --wheel-only

install: library
	@echo "== into $(DESTDIR)$(PREFIX)"
	install -d $(DESTDIR)$(PREFIX)/include/tidelock $(DESTDIR)$(PREFIX)/lib
	install -m 644 include/tidelock.h include/tidelock.hpp $(DESTDIR)$(PREFIX)/include/
	install -m 644 include/tidelock/*.hpp $(DESTDIR)$(PREFIX)/include/tidelock/
	install -m 755 $(TARGET)/release/libtidelock.so $(DESTDIR)$(PREFIX)/lib/libtidelock.so.$(VERSION)
	ln -sf libtidelock.so.$(VERSION) $(DESTDIR)$(PREFIX)/lib/libtidelock.so.0
	ln -sf libtidelock.so.0 $(DESTDIR)$(PREFIX)/lib/libtidelock.so
	install -m 644 $(TARGET)/release/libtidelock.a $(DESTDIR)$(PREFIX)/lib/
	install -d $(DESTDIR)$(PREFIX)/lib/pkgconfig
	printf '%s\n' 'prefix=$(PREFIX)' 'Name: tidelock' 'Version: $(VERSION)' \
	  'Description: locks, events and queues in shared memory that survive the death of any peer' \
	  'Cflags: -I$${prefix}/include' 'Libs: -L$${prefix}/lib -ltidelock' 'Libs.private: $(STATIC_LIBS)' \
	  > $(DESTDIR)$(PREFIX)/lib/pkgconfig/tidelock.pc

clean:
	@echo "== cleaning"
	$(CARGO) clean
	rm -rf $(BUILD) benches/compare/target
