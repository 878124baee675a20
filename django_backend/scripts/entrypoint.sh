#!/bin/bash
# One image, every role: entrypoint.sh web|ws|worker|beat|flower|init|migrate|seed. Anything else is run as it is.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
role=${1:-web}
level=${LOG_LEVEL:-INFO}
database_scheduler=django_celery_beat.schedulers:DatabaseScheduler

case $role in
    web)
        exec gunicorn config.wsgi:application # gunicorn.conf.py says the rest
        ;;
    ws)
        exec daphne -v 0 -b 0.0.0.0 -p 8001 config.asgi:application
        ;;
    worker) # worker --beat: with the schedule in the same container
        shift
        exec celery -A config worker -Q daybook -c 2 -l "$level" --scheduler "$database_scheduler" "$@"
        ;;
    beat)
        exec celery -A config beat --pidfile= -l "$level" --scheduler "$database_scheduler"
        ;;
    flower) # without Django: it needs the broker, and nothing else of ours
        BROKER_URL=${REDIS_URL:-$(<"$REDIS_URL_FILE")}
        FLOWER_BASIC_AUTH=${FLOWER_BASIC_AUTH:-$(<"$FLOWER_BASIC_AUTH_FILE")}
        export BROKER_URL FLOWER_BASIC_AUTH
        unset DJANGO_SETTINGS_MODULE
        cd /tmp
        exec celery flower --address=0.0.0.0 --port=5555
        ;;
    init)
        exec python -m config.provision secrets
        ;;
    migrate)
        python -m config.provision owner
        python manage.py db_roles
        exec python manage.py migrate --noinput
        ;;
    seed)
        exec python manage.py seed
        ;;
    *)
        exec "$@"
        ;;
esac
