"""What compose needs before the first start: `python -m config.provision secrets`, and later `… owner`.

`secrets` runs as root in the service `init`. The volume `secrets` holds every secret, each made once; each program has
a volume of its own with no more than what it reads, written anew at every start. `owner` runs in `migrate`: it makes
the database and the role that owns its tables. Neither needs Django's settings, which ask for what is made here.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg import sql

from apps.common.auth import keys
from tms_events.environment import ConfigurationError, Environment

VOLUMES = Path("/secrets")
GIVEN_KEYS = Path("/given/keys")
OURS = 10001  # the user of our images
EVERYONE = None  # an image of others: its user has another number in each version

OWNER, DATABASE = "daybook_owner", "daybook"
ROLES = ("web", "relay", "consumers", "analytics")
PASSWORDS = ("superuser", OWNER, *ROLES, "redis")
OPERATORS = {"FLOWER_BASIC_AUTH": "Flower", "KAFKA_UI_AUTH": "Kafka UI"}

REDIS = """\
requirepass {password}
dir /data
# Queued work must survive a restart, and must not be evicted to make room for the cache.
appendonly yes
maxmemory-policy noeviction
"""


@dataclass(frozen=True)
class Store:
    """The volume `secrets`: one file a secret. `made` has the names that were not there before."""

    folder: Path
    made: list[str]

    def secret(self, name: str) -> str:
        """Hex, so that it needs no quoting in a URL, in SQL or in a file of settings."""
        path = self.folder / name
        if not path.exists():
            write(path, secrets.token_hex(32), OURS)
            self.made.append(name)
        return path.read_text().strip()

    def login(self, variable: str, given: Environment) -> str:
        """`user:password` as it is given, else one of our own."""
        chosen = given.optional(variable)
        if chosen is None:
            return f"operator:{self.secret(variable.lower())[:24]}"
        user, _, password = chosen.partition(":")
        if not user or len(password) < 8:
            raise ConfigurationError(
                f"{variable} is not user:password with a password of 8 or more characters."
            )
        return chosen


def make_secrets(volumes: Path = VOLUMES, source: Mapping[str, str] = os.environ) -> int:
    """Fill every volume. Safe to repeat; what was made stays, and what .env says goes before it."""
    given = Environment(source)
    store = Store(volumes / "all", [])
    logins = {variable: store.login(variable, given) for variable in OPERATORS}
    for volume, (user, files) in distribution(store, given, logins).items():
        fill(volumes / volume, files, user)
    fill_tests(volumes, store)
    make_keys(volumes / "web" / "keys", given)
    tell(store, logins)
    return 0


def distribution(
    store: Store, given: Environment, logins: Mapping[str, str]
) -> dict[str, tuple[int | None, dict[str, str]]]:
    """Volume to (who reads it, its files)."""
    password = {name: store.secret(name) for name in PASSWORDS}
    role = {name: postgres_url(f"daybook_{name}_login", password[name], DATABASE) for name in ROLES}
    redis_url = f"redis://:{password['redis']}@redis:6379/0"
    owner_url = postgres_url(OWNER, password[OWNER], DATABASE)
    return {
        "owner": (
            OURS,
            {
                "superuser_url": postgres_url("postgres", password["superuser"], "postgres"),
                "database_url": owner_url,
                **{f"{name}_database_url": url for name, url in role.items()},
            },
        ),
        "web": (
            OURS,
            {
                "secret_key": given.optional("SECRET_KEY") or store.secret("secret_key"),
                "web_database_url": role["web"],
                "redis_url": redis_url,
                "email_url": given.optional("EMAIL_URL") or "",
            },
        ),
        "relay": (OURS, {"relay_database_url": role["relay"], "redis_url": redis_url}),
        "consumers": (OURS, {"consumers_database_url": role["consumers"], "redis_url": redis_url}),
        "analytics": (OURS, {"analytics_database_url": role["analytics"], "redis_url": redis_url}),
        "flower": (OURS, {"redis_url": redis_url, "basic_auth": logins["FLOWER_BASIC_AUTH"]}),
        "postgres": (EVERYONE, {"superuser_password": password["superuser"]}),
        "redis": (
            EVERYONE,
            {"redis.conf": REDIS.format(password=password["redis"]), "password": password["redis"]},
        ),
        "kafka-ui": (EVERYONE, {"login.yml": kafka_ui_settings(logins["KAFKA_UI_AUTH"])}),
    }


def postgres_url(user: str, password: str, database: str) -> str:
    return f"postgres://{user}:{password}@postgres:5432/{database}"


def kafka_ui_settings(login: str) -> str:
    """Settings of Spring, which takes JSON for YAML: so that any password is quoted well."""
    user, _, password = login.partition(":")
    return json.dumps(
        {
            "auth": {"type": "LOGIN_FORM"},
            "spring": {"security": {"user": {"name": user, "password": password}}},
        }
    )


def fill_tests(volumes: Path, store: Store) -> None:
    """Tests make databases, so they get the owner's address: only in the image that has tests."""
    address = volumes / "tests" / "database_url"
    if tests_are_here():
        fill(address.parent, {address.name: postgres_url(OWNER, store.secret(OWNER), DATABASE)}, OURS)
    else:
        address.unlink(missing_ok=True)


def tests_are_here() -> bool:
    return find_spec("pytest") is not None


def make_keys(folder: Path, given: Environment) -> None:
    """The keys that keygen.sh made, if JWT_KEYS_DIR names their folder; else one of our own, once."""
    if given.optional("JWT_KEYS_DIR") is not None:
        take_given_keys(folder)
    elif not (folder / keys.SIGNING_FILE).exists():
        shutil.rmtree(folder, ignore_errors=True)
        keys.generate(folder)
    for path in (folder, *folder.iterdir()):
        os.chown(path, OURS, OURS)


def take_given_keys(folder: Path) -> None:
    """Copied, because they belong to whoever made them, and the programs run as another user."""
    found = keys.read_keys(GIVEN_KEYS)
    folder.mkdir(mode=0o700, exist_ok=True)
    for kid in found.public:
        write(folder / f"{kid}.pem", (GIVEN_KEYS / f"{kid}.pem").read_text(), OURS)
    write(folder / keys.SIGNING_FILE, found.signing_kid, OURS)


def fill(folder: Path, files: Mapping[str, str], user: int | None) -> None:
    for name, text in files.items():
        write(folder / name, text, user)


def write(path: Path, text: str, user: int | None) -> None:
    """Whole or not at all, and from the first moment with the rights it shall have."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    mode = 0o444 if user is None else 0o400
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        os.fchmod(file.fileno(), mode)
        if user is not None:
            os.fchown(file.fileno(), user, user)
        file.write(text.rstrip("\n") + "\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def tell(store: Store, logins: Mapping[str, str]) -> None:
    """The operators' logins, on the one occasion that they are new."""
    new = {name: logins[variable] for variable, name in OPERATORS.items() if variable.lower() in store.made}
    if not new:
        say("Secrets and keys are in place.")
        return
    say("Made secrets and keys. The operators' logins, shown this once:")
    for name, login in new.items():
        user, _, password = login.partition(":")
        say(f"  {name}: {user}, password {password}")
    say("The first person's link: docker compose exec web python manage.py setup_link")
    say("Or the demo team, on loopback: docker compose exec web python manage.py seed")


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


# --- the database and its owner


def make_owner(source: Mapping[str, str] = os.environ) -> int:
    """Safe to repeat: a first start that was cut short goes on, and the password is the one of the volume."""
    given = Environment(source)
    with psycopg.connect(given.text("SUPERUSER_DATABASE_URL"), autocommit=True, connect_timeout=10) as server:
        password = psycopg.conninfo.conninfo_to_dict(given.text("DATABASE_URL"))["password"]
        for statement in owner_statements(str(password)):
            server.execute(statement)
        if not server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            server.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(DATABASE), sql.Identifier(OWNER))
            )
    say("The database and its owner are in place.")
    return 0


def owner_statements(password: str) -> list[sql.Composed]:
    """No superuser. Only the image with tests lets it make databases, and switch triggers off to empty tables."""
    owner = sql.Identifier(OWNER)
    tests = tests_are_here()
    return [
        sql.SQL(
            "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {}) THEN "
            "CREATE ROLE {} LOGIN; END IF; END $$"
        ).format(sql.Literal(OWNER), owner),
        sql.SQL("ALTER ROLE {} CREATEROLE {} PASSWORD {}").format(
            owner, sql.SQL("CREATEDB" if tests else "NOCREATEDB"), sql.Literal(password)
        ),
        sql.SQL(
            "GRANT SET ON PARAMETER session_replication_role TO {}"
            if tests
            else "REVOKE SET ON PARAMETER session_replication_role FROM {}"
        ).format(owner),
    ]


COMMANDS: dict[str, Callable[[], int]] = {"secrets": make_secrets, "owner": make_owner}


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0] not in COMMANDS:
        sys.stderr.write(f"Usage: python -m config.provision {'|'.join(COMMANDS)}\n")
        return 2
    try:
        return COMMANDS[arguments[0]]()
    except (ConfigurationError, keys.KeyProblem) as problem:
        sys.stderr.write(f"{problem}\n")
        return 2


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
