#!/bin/sh
# A standalone node on SQLite below ./var, from nothing to running: builds, makes the node, a user and a profile where
# they are missing, then runs the node in the foreground. Set through the environment: HOST (the name or address that
# clients connect to), LISTEN, VPN_USER, VPN_PASSWORD, VAR (the node's directory).
set -eu
cd "$(dirname "$0")/.."
. scripts/lib.sh

has_net_admin ||
    die 77 "a node makes a tun device and a firewall table, which needs root or CAP_NET_ADMIN: sudo env \"PATH=\$PATH\" make run"
require_swift
# shellcheck disable=SC2086 # lists of words
install_packages $BUILD_PACKAGES $RUN_PACKAGES

say "Building in release mode (a first build takes some minutes)"
# shellcheck disable=SC2086
swift build -c release --product asnode $BUILD_FLAGS

asnode=.build/release/asnode
var=${VAR:-var}
user=${VPN_USER:-user1}
profile="$var/$user.ovpn"

if [ ! -e "$var/node.yaml" ]; then
    host=${HOST:-$(hostname -I 2>/dev/null | tr ' ' '\n' | grep -m1 '\.' || true)}
    host=${host:-127.0.0.1}
    say "Making a standalone node in $var for clients that connect to $host"
    "$asnode" --data "$var" init --hostname "$host" --listen "${LISTEN:-udp:1194}"
fi

if ! "$asnode" --data "$var" user show "$user" >/dev/null 2>&1; then
    say "Making the user $user"
    password=${VPN_PASSWORD:-$(head -c 10 /dev/urandom | base32 | tr 'A-Z' 'a-z')}
    printf '%s\n' "$password" | "$asnode" --data "$var" user add "$user" --password-stdin >/dev/null
    [ -n "${VPN_PASSWORD:-}" ] || cat <<END

    password of $user: $password

    It is shown this once. A new one: $asnode --data $var user passwd $user
END
fi

if [ ! -e "$profile" ]; then
    say "Issuing a profile"
    "$asnode" --data "$var" profile issue "$user" --output "$profile"
fi

cat <<END

== What to do next
  Copy $profile to a client and connect with it:
      openvpn --config $user.ovpn          (or import it into OpenVPN Connect)
  In another terminal here:
      $asnode --data $var session list
      $asnode --data $var user add NAME
      $asnode --data $var doctor
  Stop the node with Ctrl-C; \`make run\` starts the same node again.

END
exec "$asnode" --data "$var" run
