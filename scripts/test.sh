#!/bin/bash
# Installs what the tests need, builds each configuration once, runs everything, and ends with a table of what passed.
# Exit code 0 only if every step passed. PACKETS: fuzzed packets a parser. SEEDS: simulated pairs. CHAOS_SECONDS: how
# long each sort of database is broken.
set -uo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

PACKETS=${PACKETS:-200000}
SEEDS=${SEEDS:-10000}
CHAOS_SECONDS=${CHAOS_SECONDS:-60}
export ASNODE_BINARY="$PWD/.build/release/asnode"

logs=$(mktemp -d "${TMPDIR:-/tmp}/asnode-test.XXXXXX")
trap 'rm -rf "$logs"' EXIT
table=()
failed=0
passed_tests=0
failed_tests=0

# step NAME COMMAND…: runs, times, remembers. The tests of a step are counted from Swift Testing's own lines.
step() {
    local name=$1 log="$logs/${#table[@]}" start=$SECONDS result=passed
    shift
    say "$name"
    "$@" 2>&1 | tee "$log" || result=FAILED
    local good bad
    good=$(grep '^✔ Test ' "$log" | grep -c -v '^✔ Test run with')
    bad=$(grep '^✘ Test .*failed after' "$log" | grep -c -v '^✘ Test run with')
    passed_tests=$((passed_tests + good))
    failed_tests=$((failed_tests + bad))
    if [ "$result" = FAILED ]; then
        failed=1
        [ "$bad" -gt 0 ] || failed_tests=$((failed_tests + 1))
    fi
    local count=""
    [ $((good + bad)) -eq 0 ] || count="$good of $((good + bad)) tests"
    table+=("$(printf '%-7s %5d s  %-58s %s' "$result" $((SECONDS - start)) "$name" "$count")")
    [ "$result" = passed ]
}

# Swift Testing alone, from the debug build that is already there.
tests() { swift test --skip-build --disable-xctest $BUILD_FLAGS "$@" | grep -v '^◇'; }

# A filter that matches nothing must not pass for success.
some_tests() {
    local log="$logs/some"
    tests "$@" | tee "$log"
    local status=${PIPESTATUS[0]}
    [ "$status" -eq 0 ] || return "$status"
    grep -q -E '^✔ Test run with [1-9]' "$log" || { echo "error: no test ran for: $*"; return 1; }
}

# The sentences of the tests with stock clients, then the table, then the count: the last lines tell what passed.
report() {
    if [ -n "${interop_log:-}" ]; then
        say "What stock clients were shown to do"
        grep -E '^[✔✘] Test .* (passed|failed) after' "$interop_log" | grep -v 'Test run with' | sed -E 's/^(.) Test "(.*)"( with [0-9]+ test cases?)?.*/  \1 \2\3/'
    fi
    say "What passed"
    printf '%s\n' "${table[@]}"
    printf '\n%d passed, %d failed\n' "$passed_tests" "$failed_tests"
    exit "$failed"
}

require_swift
install_packages $BUILD_PACKAGES $RUN_PACKAGES $TEST_PACKAGES

step "Lint: formatting, documentation of public symbols" scripts/lint.sh
step "Build, debug, with all tests" swift build --build-tests $BUILD_FLAGS || report
step "Unit tests" some_tests --skip InteropTests --skip VPNEngineTests --skip CommandLineTests \
    --skip StorageServerTests --skip StorageConformanceTests --skip JournalStoreTests \
    --skip StorageSQLiteTests --skip NodeRuntimeTests --skip ChaosTests
step "Stores and nodes, one test at a time: threads and clocks" some_tests --no-parallel \
    --filter StorageSQLiteTests --filter NodeRuntimeTests --filter ChaosTests
step "Database servers: MariaDB, Galera, PostgreSQL, a pooler; one test at a time" some_tests --no-parallel --filter StorageServerTests
step "Backends: conformance cases on SQLite, servers and the example's; mutants that fail them" some_tests --no-parallel \
    --filter StorageConformanceTests --filter JournalStoreTests
# The sources of the example are built and tested above, without access to what is not public.
step "Example backend: the manifest of its own" swift package --package-path Examples/JournalStore dump-package
step "Build, release" swift build -c release $BUILD_FLAGS || report
step "Fuzz: $PACKETS packets a parser" .build/release/fuzz --packets "$PACKETS"
step "Simulation: $SEEDS clients and servers on bad networks" .build/release/simulate --seeds "$SEEDS"
for backend in sqlite mariadb galera postgres; do
    step "Chaos: $backend broken for $CHAOS_SECONDS s" .build/release/chaos --backend $backend --seconds "$CHAOS_SECONDS"
done
step "Benchmarks of the stores, in their shortest form" .build/release/storage-bench --quick
step "Engine, one test at a time: devices, sockets, clocks" some_tests --no-parallel --filter VPNEngineTests
step "Command line, one test at a time" some_tests --no-parallel --filter CommandLineTests
interop_log="$logs/${#table[@]}"
step "Stock clients in network namespaces, one test at a time" some_tests --no-parallel --filter InteropTests
report
