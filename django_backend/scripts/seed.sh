#!/bin/sh
# Fills an empty install with the demo story; only where it listens on loopback.
set -eu
cd "$(dirname "$(readlink -f "$0")")/.."
exec "${PYTHON:-python}" manage.py seed
