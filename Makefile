# One gate: `make check` and `make test`. Everything else is for people. `make help` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:

export PATH := $(PATH):$(HOME)/.cargo/bin

CARGO ?= cargo
BIN := target/release/octoporty

# Whatever the page is made of; `web/dist` is made again when one of these is newer.
WEB_SOURCES := $(shell find web -type f -not -path '*/node_modules/*' -not -path 'web/dist*' 2>/dev/null)

.PHONY: help setup setup-build setup-check setup-test setup-bench demo dev build web check advisories test soak conformance profile bench bench-full bench-profile bench-micro fmt clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: ## Install what is missing for every target (apt-get, npm, cargo), and say what
	@scripts/setup.sh all

setup-build:
	@scripts/setup.sh build

setup-check:
	@scripts/setup.sh check

setup-test:
	@scripts/setup.sh test

setup-bench:
	@scripts/setup.sh bench

demo: build ## Gateway, agent, console and a sample site on this machine
	@$(BIN) demo

dev: setup-build web/dist/index.html ## Gateway and agent from source, the web page by its development server
	@scripts/dev.sh

web: setup-build web/dist/index.html ## The console's page

web/dist/index.html: $(WEB_SOURCES)
	npm --prefix web run build

build: web ## The release binary with the page in it, guided by the profile in pgo/
	@CARGO="$(CARGO)" scripts/build.sh

profile: setup-bench web/dist/index.html ## The profile that the build is guided by, anew: after changes to what a request passes
	scripts/profile.sh

check: setup-check web/dist/index.html ## Formatting, lints, documents, dependencies, the web page's lints and types
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --document-private-items --quiet
	cargo-deny --log-level error check bans licenses sources
	cargo-machete
	npm --prefix web run lint
	npm --prefix web run typecheck
	npm --prefix web run check:api

advisories: setup-check ## Known weaknesses in dependencies; needs a network
	cargo-deny check advisories

test: setup-test build ## Every test: unit, end to end, web, browser
	@scripts/test.sh

soak: setup-test build ## Every trouble fifty times, ten minutes idle; writes docs/reports/soak.md
	OCTOPORTY_BIN=$(CURDIR)/$(BIN) $(CARGO) run --release -p octoporty-e2e --bin soak

conformance: setup-test build ## The Autobahn WebSocket suite through the tunnel; writes docs/reports/conformance.md
	OCTOPORTY_BIN=$(CURDIR)/$(BIN) e2e/conformance/run.sh

bench: setup-bench build ## Ratios to controls and peers; writes bench/report.md; ARGS="--only S1,S4 --rounds 9"
	OCTOPORTY_BIN=$(CURDIR)/$(BIN) $(CARGO) run --release -p octoporty-bench -- $(ARGS)

bench-full: setup-bench build ## The same with every peer and longer slices; under an hour; writes bench/full/report.md
	OCTOPORTY_BIN=$(CURDIR)/$(BIN) $(CARGO) run --release -p octoporty-bench -- --full $(ARGS)

bench-profile: setup-bench build ## Where the time goes in what is not reached; writes bench/profiles.md; needs perf and root
	OCTOPORTY_BIN=$(CURDIR)/$(BIN) $(CARGO) run --release -p octoporty-bench -- profile

bench-micro: setup-bench ## Instruction counts of the data plane's parts; writes bench/micro/report.md
	$(CARGO) run --release -p octoporty-micro

fmt: setup-build ## Format everything
	$(CARGO) fmt --all
	npm --prefix web run format

clean: ## Remove what was built
	$(CARGO) clean
	rm -rf web/dist web/dist-mock web/node_modules e2e/browser/node_modules e2e/results
