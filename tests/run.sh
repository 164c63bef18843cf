#!/usr/bin/env bash
# Runs every check of the project; exits with 1 if one failed. Makes its virtual environment in
# .venv and installs all it needs there.
#
#   bash tests/run.sh           lint, format, types, layers, all tests
#   bash tests/run.sh --fast    the same without the slow walks and the browser
#
# The largest architectures against full forwards take minutes and gigabytes more, and what is
# tried here on some cases is tried there on all: .venv/bin/pytest -m "large or long"
#
# Browser tests use the machine's Chromium or Playwright's own; without one they are skipped
# and say how to get it.
set -u
cd "$(dirname "$0")/.."

if [ ! -x .venv/bin/python ]; then
    python=${PYTHON:-python3}
    if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
        echo "Python 3.11 or later is needed: PYTHON=/path/to/python3.11 bash tests/run.sh"
        exit 1
    fi
    "$python" -m venv .venv || exit 1
fi
.venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt || exit 1
export PATH="$PWD/.venv/bin:$PATH"

failed=()
check() { # NAME COMMAND...
    local name=$1 code=0
    shift
    echo "== $name"
    "$@" || code=$?
    # pytest ends with 5 where a selection holds no test, which is no failure of a test.
    if [ "$code" -ne 0 ] && ! { [[ " $* " == *" pytest "* ]] && [ "$code" -eq 5 ]; }; then
        failed+=("$name")
    fi
}

check "lint" ruff check .
check "format" ruff format --check .
check "types" mypy
check "layers" lint-imports
# Two processes of one thread each are faster than one process of two threads on small tensors.
threads="OMP_NUM_THREADS=1"
if [ "${1:-}" = "--fast" ]; then
    check "unit tests" env "$threads" pytest -q -n 2 -m "not slow and not long and not browser"
else
    check "tests without a browser" env "$threads" pytest -q -n 2 -m "not browser and not large and not long"
    # Alone: they measure how long a click takes.
    check "tests in a browser" pytest -q -m browser
fi

if [ "${#failed[@]}" -ne 0 ]; then
    echo "Failed: ${failed[*]}"
    exit 1
fi
echo "All checks passed."
