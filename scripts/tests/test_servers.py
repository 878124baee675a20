"""PostgreSQL and the Redis-compatible server from their wheels, really started."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

from daybook_scripts import ports, servers
from daybook_scripts.accounts import unprivileged_account
from daybook_scripts.home import furnish
from daybook_scripts.secret_files import secret, write_private
from daybook_scripts.temporary_servers import TemporaryServers
from daybook_scripts.trouble import Trouble

pytestmark = pytest.mark.serial


@pytest.fixture(scope="session")
def environment():
    import sys

    return Path(sys.prefix)


@pytest.fixture
def folder(tmp_path_factory):
    """One that every user can pass through, as pytest's own are not."""
    import shutil
    import tempfile

    folder = Path(tempfile.mkdtemp(prefix="daybook-servers-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def temporary(folder, environment):
    temporary = TemporaryServers(folder, environment)
    yield temporary
    temporary.supervisor.stop_all()


def test_data_of_another_postgresql_major_are_refused_with_how_to_mend_it(tmp_path, environment):
    binaries = servers.Binaries.in_folder(servers.site_packages(environment))
    (tmp_path / "PG_VERSION").write_text("17\n")
    cluster = servers.Cluster(binaries.postgres, tmp_path, 1, "", None)
    with pytest.raises(Trouble) as refused:
        servers.require_same_major(cluster)
    assert refused.value.code == "postgres_major"
    assert "were made by PostgreSQL 17, and this Daybook brings PostgreSQL 18" in str(refused.value)
    assert "DATABASE_URL" in refused.value.mend


def test_postgresql_starts_answers_and_has_the_extensions(temporary):
    url = temporary.start_postgres(temporary.binaries.postgres)
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        for extension in ("pg_trgm", "unaccent", "btree_gin", "citext"):
            connection.execute(f"CREATE EXTENSION {extension}")
        assert connection.execute("SHOW listen_addresses").fetchone() == ("127.0.0.1",)


def test_postgresql_asks_for_the_password(temporary):
    import psycopg

    url = temporary.start_postgres(temporary.binaries.postgres).replace("postgres:", "postgres:wrong", 1)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(url)


def test_the_redis_compatible_server_asks_for_the_password_and_never_evicts(temporary):
    import redis

    url = temporary.start_redis()
    client = redis.Redis.from_url(url)
    assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    with pytest.raises(redis.AuthenticationError):
        redis.Redis.from_url(url.replace("redis://:", "redis://:wrong")).ping()


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user's servers run as that user")
def test_no_server_that_root_starts_runs_as_root(temporary):
    temporary.start_postgres(temporary.binaries.postgres)
    temporary.start_redis()
    account = unprivileged_account()
    for child in temporary.supervisor.children.values():
        assert os.stat(f"/proc/{child.process.pid}").st_uid == account.uid


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user's servers run as that user")
def test_where_the_servers_user_cannot_enter_they_live_elsewhere_and_no_folder_is_opened(
    folder, environment, capsys
):
    from daybook_scripts.home import elsewhere

    closed = folder / "closed"
    state = closed / ".local"
    state.mkdir(parents=True)
    closed.chmod(0o700)
    own = elsewhere(state)
    try:
        home = furnish(state, environment)
        said = capsys.readouterr().out
        assert home.servers == own
        assert f"the servers' programs and data are in {own}" in said
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
        assert home.program_account is None
        done = subprocess.run(
            [home.binaries.postgres / "initdb", "--version"], capture_output=True, text=True
        )
        assert "18." in done.stdout
    finally:
        import shutil

        shutil.rmtree(own, ignore_errors=True)


def test_an_interrupted_initdb_leaves_no_half_made_cluster(folder, environment):
    binaries = servers.Binaries.in_folder(servers.site_packages(environment))
    cluster = servers.Cluster(
        binaries.postgres, folder / "postgres", ports.free_port(), "x", unprivileged_account()
    )
    with pytest.raises(Trouble, match="initdb failed"):
        servers.make_cluster(cluster, "--no-such-option")
    assert not cluster.data.exists()
    assert not (folder / "initdb-password").exists()


def test_a_secret_is_made_once_and_only_its_owner_can_read_it(tmp_path):
    first = secret(tmp_path, "web")
    assert secret(tmp_path, "web") == first
    assert len(first) == 64
    assert stat.S_IMODE((tmp_path / "web").stat().st_mode) == 0o600


def test_a_private_file_is_replaced_whole(tmp_path):
    write_private(tmp_path / "url", "one")
    write_private(tmp_path / "url", "two")
    assert (tmp_path / "url").read_text() == "two\n"
    assert [path.name for path in tmp_path.iterdir()] == ["url"]
