#!/usr/bin/env bash
# All sanity tests of ansible-test on a copy of the tree. It has no ignore files, and this sees to it.
set -euo pipefail

if ls tests/sanity/ignore* 2>/dev/null; then
    echo "sanity: mend what is ignored there instead" >&2
    exit 1
fi
collection=$(tests/tools/export_tree.sh "$BUILD/sanity-$(basename "$VENV")")
# Otherwise ansible-test asks the clone's git what to test, and the clone's git ignores the build directory.
git init --quiet "$collection"

# ansible-test keeps its environments under HOME: inside the project they neither meddle with nor depend on the user's own.
home=$PWD/.cache/home
mkdir -p "$home/.ansible/test/cache" "$home/.config/pip"
for pip in 24_2 25_2; do # ansible-core 2.19; 2.20 and 2.21
    cp tests/tools/get_pip.py "$home/.ansible/test/cache/get_pip_$pip.py"
done
for config in "$HOME/.config/pip/pip.conf" "$HOME/.pip/pip.conf"; do # the user's package index, if there is one
    if [ -f "$config" ]; then cp "$config" "$home/.config/pip/pip.conf"; fi
done

python=$("$VENV/bin/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
cd "$collection"
HOME=$home ansible-test sanity --local --python "$python" --color no 2>&1 | tee "$home/sanity.log"
# ansible-test is content when it finds nothing to test.
grep -q 'Running sanity test "validate-modules"' "$home/sanity.log"
