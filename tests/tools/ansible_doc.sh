#!/usr/bin/env bash
# Shows every module and role as a user sees it. ansible-doc fails on what it cannot read, and this on what has nothing to say.
set -euo pipefail

shown=$BUILD/ansible-doc
rm -rf "$shown"
mkdir -p "$shown"

show() {
    ansible-doc --type "$1" "zoneshift.ack.$2" >"$shown/$2.txt"
    grep -q '^> .*zoneshift\.ack\.' "$shown/$2.txt" || { echo "ansible-doc says nothing about the $1 $2" >&2; exit 1; }
    echo "  $1 zoneshift.ack.$2: $(wc -l <"$shown/$2.txt") lines"
}

for path in plugins/modules/*.py; do show module "$(basename "$path" .py)"; done
for path in roles/*; do show role "$(basename "$path")"; done
