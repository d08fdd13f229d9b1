#!/bin/sh
# Makes the virtual environment $VENV hold tests/requirements/$1.txt. Does nothing when it does already.
# $PYTHON: the interpreter to build it with.
set -eu

want=$1
venv=${VENV:-.venv}
python=${PYTHON:-python3}
requirements=tests/requirements
began=$(date +%s)

# The test requirements contain the sandbox's: an environment that holds them is good for both.
is_ready() {
    for level in "$want" test; do
        [ "$(cat "$venv/.holds-$level" 2>/dev/null)" = "$(state_of "$level")" ] && return 0
    done
    return 1
}

state_of() {
    set -- constraints.txt sandbox.txt "$1.txt"
    { (cd $requirements && cat "$@") && "$venv/bin/python" -VV 2>/dev/null; } | cksum
}

# Debian ships Python without what `venv` needs; everywhere else it is complete.
ensure_venv_module() {
    "$python" -c 'import ensurepip, venv' 2>/dev/null && return
    package="python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
        echo "setup: installing $package"
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$package" </dev/null >/dev/null
    else
        echo "setup: $python cannot make virtual environments. Install its venv module (Debian: apt-get install $package)." >&2
        exit 1
    fi
}

is_ready && exit 0
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "setup: Python 3.11 or newer is needed, $python is $("$python" -V 2>&1). Say PYTHON=/path/to/python3.11 after make." >&2
    exit 1
}
echo "setup: $venv gets $requirements/$want.txt ($("$python" -V))"
ensure_venv_module
"$venv/bin/python" -m pip --version >/dev/null 2>&1 || "$python" -m venv --clear "$venv"
"$venv/bin/python" -m pip install -qq --disable-pip-version-check -r "$requirements/$want.txt"
state_of "$want" >"$venv/.holds-$want"
echo "setup: done in $(($(date +%s) - began)) s"
