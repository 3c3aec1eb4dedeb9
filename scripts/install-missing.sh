#!/usr/bin/env bash
# Installs the Debian packages of what is not there, and says in one line what to install where it may not.
# Usage: install-missing.sh NEED[|NEED…]:PACKAGE…   (any one will do; a need is a command, or the full path of a file)
set -euo pipefail

is_there() {
  if [[ $1 == /* ]]; then [[ -e $1 ]]; else type -P "$1" >/dev/null; fi
}

missing=()
for entry in "$@"; do
  package=${entry##*:}
  IFS='|' read -ra needs <<<"${entry%:*}"
  for need in "${needs[@]}"; do
    if is_there "$need"; then continue 2; fi
  done
  if [[ " ${missing[*]-} " != *" $package "* ]]; then missing+=("$package"); fi
done
((${#missing[@]})) || exit 0

if ! type -P apt-get >/dev/null; then
  echo "missing: install ${missing[*]} with your package manager (brew install ${missing[*]/redis-server/redis})" >&2
  exit 1
fi
install=(apt-get install --yes --no-install-recommends "${missing[@]}")
root=()
if ((EUID != 0)); then
  if ! sudo --non-interactive true 2>/dev/null; then
    echo "missing: install with: sudo ${install[*]}" >&2
    exit 1
  fi
  root=(sudo --non-interactive)
fi

as_root() { "${root[@]}" env DEBIAN_FRONTEND=noninteractive "$@"; }

# Debian starts a service as soon as its package is configured, unless this file says no. We want the programs only.
policy=/usr/sbin/policy-rc.d
policy_is_ours=
log=$(mktemp)
tidy_up() {
  rm -f "$log"
  if [[ -n $policy_is_ours ]]; then as_root rm -f "$policy"; fi
}
trap tidy_up EXIT
if [[ ! -e $policy ]]; then
  policy_is_ours=yes
  printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
  as_root chmod 755 "$policy"
fi

attempt() { as_root "$@" -o DPkg::Lock::Timeout=300 </dev/null >"$log" 2>&1; }

echo "installing ${missing[*]} (${install[*]})" >&2
# Without package lists, or with old ones, the first attempt fails.
if ! attempt "${install[@]}" && ! { attempt apt-get update && attempt "${install[@]}"; }; then
  tail -n 20 "$log" >&2
  echo "that failed: install ${missing[*]} by hand" >&2
  exit 1
fi

# Nor at the next boot.
if [[ -d /run/systemd/system ]]; then
  for package in "${missing[@]}"; do
    as_root systemctl disable --quiet --now "$package.service" 2>/dev/null || true
  done
fi
