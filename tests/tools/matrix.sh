#!/usr/bin/env bash
# The checks that depend on Python and ansible-core, with every line of constraints.txt whose Python is on this machine.
# Says plainly what did not run; fails when a check fails, or when no interpreter was found at all.
set -uo pipefail

checks=(sanity unit role)
lines=("3.11 2.19" "3.12 2.20" "3.13 2.21")

interpreter() { # the best Python of that version: on the PATH, or under pyenv
    local candidate
    for candidate in "python$1" "$HOME"/.pyenv/versions/"$1".*/bin/python; do
        if "$candidate" -c "import sys, ensurepip, venv; sys.exit('%d.%d' % sys.version_info[:2] != '$1')" 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

passed=0
failed=0
report=()
for line in "${lines[@]}"; do
    read -r python core <<<"$line"
    if ! found=$(interpreter "$python"); then
        report+=("Python $python, ansible-core $core: NOT RUN, there is no Python $python here")
        continue
    fi
    echo "=== Python $python, ansible-core $core ($found)"
    if "$MAKE" --no-print-directory --keep-going PYTHON="$found" VENV=".venv-$python" BUILD=".build/matrix-$python" "${checks[@]}"; then
        passed=$((passed + 1))
        verdict=ok
    else
        failed=$((failed + 1))
        verdict=FAILED
    fi
    report+=("Python $python, $(".venv-$python/bin/ansible" --version | head -n 1): $verdict (${checks[*]})")
done

echo
printf '%s\n' "${report[@]}"
echo "matrix: $passed passed, $failed failed"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
