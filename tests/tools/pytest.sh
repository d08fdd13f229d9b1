#!/bin/sh
# pytest.sh SUITE [OPTION...]: runs tests/SUITE. The result is also left in $BUILD/junit/SUITE.xml, for outcome.py.
set -eu

suite=$1
shift
exec "$VENV/bin/python" -m pytest -q --junit-xml "$BUILD/junit/$suite.xml" "$@" "tests/$suite"
