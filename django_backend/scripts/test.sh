#!/bin/bash
# Runs tests by their dotted names: test.sh apps.users.tests [pytest's options]. Without a name: all of Django's.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
exec "${PYTHON:-python}" -m config.test_runner "$@"
