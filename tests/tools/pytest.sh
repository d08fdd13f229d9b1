#!/bin/sh
# pytest.sh SUITE...: runs tests/SUITE on both cores. The result is also left in $BUILD/junit/SUITE.xml.
set -eu

suite=$1
shift
exec "$VENV/bin/python" -m pytest -q -n 2 --junit-xml "$BUILD/junit/$suite.xml" "$@" "tests/$suite"
