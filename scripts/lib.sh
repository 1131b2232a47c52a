# Sourced by the scripts beside it. POSIX sh.

# One set of flags for every build, so that nothing is built twice.
BUILD_FLAGS="--explicit-target-dependency-import-check error"

say() { printf '\n== %s\n' "$*"; }

# die CODE MESSAGE: one line on standard error, an exit code as in sysexits.
die() {
    code=$1
    shift
    printf 'error: %s\n' "$*" >&2
    exit "$code"
}

require_swift() {
    command -v swift >/dev/null 2>&1 ||
        die 69 "no \`swift\` in PATH: install the Swift 6.3 toolchain for Debian 12, https://www.swift.org/install/linux"
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        die 77 "this needs root: run as root, or install sudo: $*"
    fi
}

# install_packages NAME…: installs those that are missing, and says so.
install_packages() {
    command -v dpkg-query >/dev/null 2>&1 || return 0
    missing=""
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$' ||
            missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    say "Installing Debian packages:$missing"
    # shellcheck disable=SC2086 # one word a package
    as_root env DEBIAN_FRONTEND=noninteractive sh -c \
        'apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@"' sh $missing ||
        die 69 "could not install:$missing; install them by hand and run this again"
}

# What building needs, what a running node needs beside it, what the tests drive.
BUILD_PACKAGES="pkg-config libssl-dev libsqlite3-dev libmariadb-dev libpq-dev"
RUN_PACKAGES="nftables"
TEST_PACKAGES="nftables openvpn iperf3 iproute2 iputils-ping procps openssl sqlite3 util-linux mariadb-server \
galera-4 rsync lsof socat postgresql pgbouncer"

has_net_admin() {
    capabilities=$(sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status)
    [ $(((0x$capabilities >> 12) & 1)) -eq 1 ]
}
