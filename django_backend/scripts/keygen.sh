#!/bin/bash
# Makes an RSA key that signs tokens: keygen.sh [FOLDER], else $JWT_KEYS_DIR, else ./keys.
# Where a .env beside docker-compose.yml leaves JWT_KEYS_DIR empty, it is filled in: compose then takes these keys.
set -euo pipefail
umask 077
folder=${1:-${JWT_KEYS_DIR:-./keys}}
case $folder in /*) ;; *) folder=$PWD/${folder#./} ;; esac
backend=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
settings=$backend/../.env

# The same as apps.common.auth.keys does, for a machine whose Python lacks the library: the key's name is its RFC 7638
# thumbprint, and the first key signs.
by_openssl() {
    local fresh=$folder/new.pem.part modulus kid
    mkdir -p "$folder"
    openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:3072 -out "$fresh" 2>/dev/null ||
        openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072 -out "$fresh" 2>/dev/null
    modulus=$(openssl rsa -in "$fresh" -noout -modulus)
    modulus=$(printf '%b' "$(sed 's/^Modulus=//; s/../\\x&/g' <<<"$modulus")" | base64url)
    kid=$(printf '{"e":"AQAB","kty":"RSA","n":"%s"}' "$modulus" | openssl dgst -sha256 -binary | base64url)
    mv "$fresh" "$folder/$kid.pem"
    [ -e "$folder/signing" ] || printf %s "$kid" >"$folder/signing"
    echo "Made the key $kid in $folder."
}

base64url() {
    openssl base64 -A | tr '+/' '-_' | tr -d '='
}

python=${PYTHON:-python3}
if "$python" -c 'import cryptography' 2>/dev/null; then
    (cd "$backend" && exec "$python" -m apps.common.auth.keys generate "$folder")
elif command -v openssl >/dev/null; then
    by_openssl
else
    echo "Keys are made by Python's cryptography or by openssl, and neither is here. Install one of them." >&2
    exit 1
fi

if [ -f "$settings" ] && grep -qx 'JWT_KEYS_DIR=' "$settings"; then
    filled=$(sed "s|^JWT_KEYS_DIR=\$|JWT_KEYS_DIR=$folder|" "$settings")
    printf '%s\n' "$filled" >"$settings"
    echo "Wrote JWT_KEYS_DIR into .env."
fi
