#!/bin/sh
# Makes an RSA key that signs tokens: keygen.sh [FOLDER], else $JWT_KEYS_DIR, else ./keys.
set -eu
folder=${1:-${JWT_KEYS_DIR:-./keys}}
case $folder in /*) ;; *) folder=$PWD/$folder ;; esac
cd "$(dirname "$0")/.."
exec "${PYTHON:-python3}" -m apps.common.auth.keys generate "$folder"
