#!/bin/sh
# timed.sh TITLE COMMAND...: says what runs, and afterwards how it ended and how long it took.
# Leaves the same in $BUILD/outcomes for the summary of `make test`.
set -u

title=$1
shift
began=$(date +%s)
echo "==> $title"
"$@"
status=$?
took=$(($(date +%s) - began))
[ $status -eq 0 ] && verdict=ok || verdict="FAILED ($status)"
echo "<== $title: $verdict, $took s"
mkdir -p "$BUILD" && printf '%s\t%s\t%s\n' "$title" "$took" "$verdict" >>"$BUILD/outcomes"
exit $status
