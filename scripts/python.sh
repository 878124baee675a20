# Sourced by the commands beside it: finds a Python new enough, and leaves its name in $python.
# In sh, because an old Python could not even read a module that tells it that it is too old.

lowest="3.11"
new_enough='import sys; sys.exit(sys.version_info < (3, 11))'

find_python() {
    for python in "${PYTHON:-python3}" python3.13 python3.12 python3.11 python3.14; do
        if "$python" -c "$new_enough" 2>/dev/null; then
            return 0
        fi
        if [ -n "${PYTHON:-}" ]; then
            break
        fi
    done
    found=$("${PYTHON:-python3}" --version 2>&1) || found="no Python at all"
    echo "$0: Daybook needs Python $lowest or newer, and here '${PYTHON:-python3}' is: $found." >&2
    echo "Install a newer one (Debian 12 and newer: apt-get install python3 python3-venv)," >&2
    echo "or name one that is already here: PYTHON=/path/to/python3.13 $0" >&2
    return 1
}

find_python || exit 2
# kafka/ for its broker, whose commands need nothing but Python.
PYTHONPATH="$scripts:${scripts%/*}/kafka${PYTHONPATH:+:$PYTHONPATH}"
export PYTHONPATH
