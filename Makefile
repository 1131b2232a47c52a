# `make` alone lists the targets.
.DEFAULT_GOAL := help
BUILD_FLAGS := --explicit-target-dependency-import-check error
PACKETS ?= 2000000
SEEDS ?= 1000000
CHAOS_SECONDS ?= 600
CHAOS_BACKENDS ?= sqlite mariadb galera postgres

.PHONY: help run test build lint format fuzz sim chaos bench interop docs clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  make run takes HOST=name-or-address LISTEN=udp:1194 VPN_USER=user1 VPN_PASSWORD=… VAR=./var"
	@echo "  make fuzz takes PACKETS=2000000 SEED=…, make sim takes SEEDS=1000000 SEED=…"
	@echo "  make chaos takes CHAOS_SECONDS=600 CHAOS_BACKENDS=\"sqlite mariadb galera postgres\" SEED=…"
	@echo "  make bench takes BENCH='--only sqlite|mariadb|postgres --json FILE'"

run: ## Build, make a node with one user below ./var if there is none, run it in the foreground (root)
	@scripts/run.sh

test: ## Install what the tests need, build, run every test (root: real clients in network namespaces)
	@scripts/test.sh

build: ## Build everything in debug mode, tests included
	@. scripts/lib.sh; require_swift; install_packages $$BUILD_PACKAGES
	swift build --build-tests $(BUILD_FLAGS)

lint: ## Check formatting and that every public symbol is documented
	@scripts/lint.sh

format: ## Bring the sources into the house's format
	swift format --in-place --parallel --recursive Package.swift $(wildcard Sources Tests Fuzz Examples Benchmarks)

fuzz: ## Feed 2 million mutated packets to every parser that sees bytes from outside (release build)
	@. scripts/lib.sh; require_swift; install_packages $$BUILD_PACKAGES
	swift build -c release --product fuzz $(BUILD_FLAGS)
	.build/release/fuzz --packets $(PACKETS)

sim: ## Simulate a million clients and servers on bad networks (release build); SEED=n runs one again
	@. scripts/lib.sh; require_swift; install_packages $$BUILD_PACKAGES
	swift build -c release --product simulate $(BUILD_FLAGS)
	.build/release/simulate --seeds $(SEEDS)

chaos: ## Break servers, networks and clients of each store for 10 minutes, then compare it with what they were told (root)
	@. scripts/lib.sh; require_swift; install_packages $$BUILD_PACKAGES $$TEST_PACKAGES
	swift build -c release --product chaos $(BUILD_FLAGS)
	for backend in $(CHAOS_BACKENDS); do \
	    .build/release/chaos --backend $$backend --seconds $(CHAOS_SECONDS) || exit 1; \
	done

bench: ## Measure the stores beside bare C clients of the same libraries, on each database (root, release build)
	@. scripts/lib.sh; require_swift; install_packages $$BUILD_PACKAGES $$TEST_PACKAGES
	swift build -c release --product storage-bench $(BUILD_FLAGS)
	.build/release/storage-bench $(BENCH)

interop: ## Only the tests with stock clients (root)
	@. scripts/lib.sh; require_swift; install_packages $$BUILD_PACKAGES $$TEST_PACKAGES
	swift build -c release --product asnode $(BUILD_FLAGS)
	swift build --build-tests $(BUILD_FLAGS)
	ASNODE_BINARY=$(CURDIR)/.build/release/asnode \
	    swift test --skip-build --disable-xctest --no-parallel --filter InteropTests $(BUILD_FLAGS)

docs: ## Write the reference of every library as DocC archives below .build/docs
	@scripts/docs.sh

clean: ## Remove build products; ./var stays
	swift package clean
