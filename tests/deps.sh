#!/bin/sh
# Installs those of the named Debian packages that are missing. Usage: tests/deps.sh PACKAGE...
set -eu

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  echo "This is not a Debian or Ubuntu: nothing is installed. bijou is built with (Debian's names): $*"
  exit 0  # they may be here all the same, and if not, the compiler will say which one it misses
fi

installed=$(dpkg-query --show --showformat='${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p')
missing=
for package in "$@"; do
  printf '%s\n' "$installed" | grep -qxF -e "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -eq 0 ]; then sudo=
elif command -v sudo >/dev/null; then sudo=sudo
else
  echo "These packages are missing; please have them installed, as root: apt-get install$missing" >&2
  exit 1
fi
echo "Installing what is missing:$missing"
$sudo apt-get update -qq || echo "apt-get update failed; trying with the package lists that are here" >&2
# shellcheck disable=SC2086  # the list is meant to be split
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
