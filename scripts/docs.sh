#!/bin/sh
# The reference of every library, as DocC archives below .build/docs, by the docc of the toolchain.
set -eu
cd "$(dirname "$0")/.."
. scripts/lib.sh
require_swift
# shellcheck disable=SC2086
install_packages $BUILD_PACKAGES

# shellcheck disable=SC2086
swift build $BUILD_FLAGS
swift package dump-symbol-graph --minimum-access-level public
rm -rf .build/docs
mkdir -p .build/docs
for library in VPNFormats ClusterCore ClusterOperations StorageSQL StorageSQLite StorageMySQL StoragePostgres StorageBackends StorageCheck StorageTestKit SQLDriverTestKit VPNProtocol VPNEngine NodeRuntime; do
    graph=".build/docs/$library.graph"
    mkdir -p "$graph"
    cp .build/*/symbolgraph/"$library".symbols.json "$graph/"
    docc convert --additional-symbol-graph-dir "$graph" --fallback-display-name "$library" \
        --fallback-bundle-identifier "asnode.$library" --output-path ".build/docs/$library.doccarchive"
    rm -r "$graph"
done
say "Written to .build/docs"
