#!/bin/bash
# Asks a role of this image what it is there for: healthcheck.sh web|ws|worker|beat|flower.
set -euo pipefail
host=${PUBLIC_URL:-http://127.0.0.1}
host=${host#*://}

answers() { # PORT PATH STATUS [HEADER...]
    local port=$1 path=$2 wanted=$3 status
    shift 3
    exec 3<>"/dev/tcp/127.0.0.1/$port"
    printf 'GET %s HTTP/1.1\r\nHost: %s\r\n' "$path" "${host%/}" >&3
    printf '%s\r\n' "$@" '' >&3
    read -r -t 4 _ status _ <&3
    echo "GET $path on port $port: $status"
    [ "$status" = "$wanted" ]
}

worked_within() { # SECONDS NAME: config/celery.py touches the file at each piece of work
    local file=/run/health/$2 age
    if [ ! -e "$file" ]; then
        echo "$2 has not worked since its start"
        return 1
    fi
    age=$(($(date +%s) - $(stat -c %Y "$file")))
    echo "$2 worked $age s ago"
    [ "$age" -le "$1" ]
}

case $1 in
    web) answers 8000 /readyz 200 'Connection: close' ;;
    ws)
        answers 8001 /ws/ 101 'Connection: Upgrade' 'Upgrade: websocket' 'Sec-WebSocket-Version: 13' \
            'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=='
        ;;
    worker) worked_within 60 worker ;; # beat sends it something to do every five seconds
    beat) worked_within 30 beat ;;
    flower) answers 5555 /healthcheck 200 'Connection: close' ;;
    *)
        echo "healthcheck.sh: there is no role $1" >&2
        exit 2
        ;;
esac
