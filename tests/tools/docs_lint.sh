#!/bin/sh
# Documentation of modules and roles by the rules of Ansible's documentation site, every reference in it included.
# On a copy, because antsibull-docs makes one itself, of the virtual environment too.
set -eu

cd "$(tests/tools/export_tree.sh "$BUILD/docs")"
exec antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs all --disallow-unknown-collection-refs .
