#!/bin/sh
# Formatting and documentation rules of .swift-format, strictly; nothing is changed.
set -eu
cd "$(dirname "$0")/.."
. scripts/lib.sh
require_swift
folders="Package.swift"
for folder in Sources Tests Fuzz Simulations Examples Benchmarks; do
    [ ! -d "$folder" ] || folders="$folders $folder"
done
# shellcheck disable=SC2086 # a list of words
swift format lint --strict --parallel --recursive $folders
for script in .ci/run scripts/*.sh; do
    case $(head -n 1 "$script") in
    *bash) bash -n "$script" ;;
    *) sh -n "$script" ;;
    esac
done
echo "lint: clean"
