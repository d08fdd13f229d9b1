#!/usr/bin/env bash
# export_tree.sh DIRECTORY: copies the collection to DIRECTORY/ansible_collections/zoneshift/ack, as it stands in the work
# tree (committed or not, without what git ignores), and prints that path. ansible-test and `ansible-galaxy collection build`
# want a real path of that form and would take caches and links for parts of the collection.
set -euo pipefail

target=$1/ansible_collections/zoneshift/ack
rm -rf "$target"
mkdir -p "$target"
# A file that was deleted but not yet committed is still in git's list; .dev is a link back to the root.
git ls-files -z --cached --others --exclude-standard -- . ':!.dev' |
    while IFS= read -r -d '' file; do if [ -e "$file" ]; then printf '%s\0' "$file"; fi; done |
    tar --create --null --files-from=- --file=- | tar --extract --file=- --directory="$target"
echo "$target"
