#!/bin/sh
# Releases the version that galaxy.yml names: the fragments and the new modules become a part of CHANGELOG.md.
# On a copy, because antsibull-changelog makes one itself, of the virtual environment too.
set -eu

copy=$(tests/tools/export_tree.sh "$BUILD/changelog")
(cd "$copy" && antsibull-changelog release --reload-plugins)
cp "$copy/CHANGELOG.md" .
cp "$copy/changelogs/changelog.yaml" changelogs/
for fragment in changelogs/fragments/*; do # antsibull-changelog removes those that it used
    if [ ! -e "$copy/$fragment" ]; then rm "$fragment"; fi
done
