#!/bin/sh
# all.sh CHECK...: these make targets, two at a time, each one's output in one piece when it ends; then the outcome of each.
# `make test` is this. It goes on after a failure, so that one run tells everything.
set -u

began=$(date +%s)
rm -rf "$BUILD/junit" "$BUILD/outcomes"
"$MAKE" --no-print-directory --keep-going --jobs=2 --output-sync=target "$@"
status=$?
echo
echo "make test: $(($(date +%s) - began)) s"
"$VENV/bin/python" tests/tools/outcome.py "$BUILD" || status=1
exit $status
