"""All of Daybook by one `docker compose up --build`, from a clean copy of the sources, and gone again.

Only with scripts/test --full, and only where a Docker daemon answers. Each test builds on what the one before left.
"""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from daybook_scripts import layout, ports
from daybook_scripts.compose_project import Project, docker_answers, services_not_healthy
from daybook_scripts.compose_project import ports as chosen_ports

pytestmark = [
    pytest.mark.full,
    pytest.mark.compose,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(not docker_answers(), reason="no Docker daemon answers here"),
]

NOT_IN_A_CLONE = shutil.ignore_patterns(
    ".local", ".git", ".env", "keys", "__pycache__", ".*_cache", "staticfiles"
)
BROWSER = layout.SCRIPTS / "tests" / "test_thread_in_browser.py"
LONG_RUNNING = {
    "postgres", "redis", "kafka", "proxy", "web", "ws", "relay", "consumers", "worker", "beat", "analytics", "flower",
    "kafka-ui",
}  # fmt: skip


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """As from a repository: no .env, no keys, no state."""
    return shutil.copytree(layout.ROOT, tmp_path_factory.mktemp("clone") / "daybook", ignore=NOT_IN_A_CLONE)


def own_ports():
    return chosen_ports(ports.free_port(), ports.free_port(), ports.free_port())


@pytest.fixture(scope="module")
def whole(clone):
    project = Project(f"daybooktest{os.getpid()}", clone, environment=own_ports())
    yield from started(project)


@pytest.fixture
def core(clone):
    project = Project(f"daybookcore{os.getpid()}", clone, core=True, environment=own_ports())
    yield from started(project)


@pytest.fixture
def own_secrets(clone):
    """`cp .env.sample .env` and keygen.sh before the first start."""
    shutil.copy(clone / ".env.sample", clone / ".env")
    subprocess.run(["bash", "django_backend/scripts/keygen.sh"], cwd=clone, check=True)
    project = Project(f"daybookenv{os.getpid()}", clone, environment=own_ports())
    yield from started(project)
    (clone / ".env").unlink()


def started(project):
    try:
        project.up()
        yield project
    finally:
        project.down("-v", "--rmi", "local")
    assert project.left_over() == []


def in_the_browser(project):
    """The test of the thread, as it is for the small install, against this project."""
    environment = os.environ | {
        "DAYBOOK_COMPOSE": project.name,
        "DAYBOOK_COMPOSE_CORE": str(int(project.core)),
    }
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(BROWSER)]
    done = subprocess.run(words, cwd=layout.ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def answer(url, login=None):
    """(status, body), redirects followed."""
    request = urllib.request.Request(url)
    if login:
        request.add_header("Authorization", "Basic " + base64.b64encode(login.encode()).decode())
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as problem:
        return problem.code, problem.read().decode()


def at(project, port, path=""):
    return f"http://127.0.0.1:{project.environment[port]}{path}"


# --- one command from nothing


def test_everything_is_healthy_after_one_command(whole):
    containers = whole.containers()
    assert services_not_healthy(containers) == []
    assert {each["Service"] for each in containers} == {*LONG_RUNNING, "init", "migrate", "kafka-init"}


def test_seed_prints_the_demo_sign_in(whole):
    assert "alice@example.com" in whole.execute("web", "python", "manage.py", "seed").stdout


def test_the_thread_works_in_two_browsers(whole):
    in_the_browser(whole)


def test_what_operators_open_answers_and_wants_their_login(whole):
    logins = dict(
        re.findall(r"(Flower|Kafka UI): operator, password (\w+)", whole.run("logs", "init").stdout)
    )
    assert answer(at(whole, "WEB_PORT", "/admin/"))[0] == 200
    assert answer(at(whole, "FLOWER_PORT", "/api/workers"))[0] == 401
    assert (
        answer(at(whole, "FLOWER_PORT", "/api/workers?refresh=1"), f"operator:{logins['Flower']}")[0] == 200
    )
    status, health = answer(at(whole, "WEB_PORT", "/api/v1/analytics/healthz"))
    assert (status, json.loads(health)["status"]) == (200, "ok")
    assert answer(at(whole, "KAFKA_UI_PORT"))[0] == 200


def test_the_operators_logins_are_printed_once(whole):
    whole.run("up", "-d", "--wait")
    assert whole.run("logs", "init").stdout.count("Flower: operator") == 1


def test_events_go_through_kafka(whole):
    said = whole.execute(
        "kafka", "/opt/kafka/bin/kafka-get-offsets.sh", "--bootstrap-server", "kafka:9092"
    ).stdout
    ends = {}
    for topic, _, offset in (line.split(":") for line in said.split()):
        ends[topic] = ends.get(topic, 0) + int(offset)
    assert ends["task-events"] > 10 and ends["user-activities"] > 0


# --- tests inside


@pytest.mark.parametrize(
    "words",
    [
        ("bash", "/app/scripts/test.sh", "apps.users.tests"),
        ("python", "manage.py", "test", "apps.common.tests.test_rsa_jwt", "--settings=config.test_settings"),
    ],
    ids=["test.sh", "manage.py test"],
)
def test_tests_run_inside_and_pass(whole, words):
    done = whole.execute("web", *words)
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) > 20
    assert "failed" not in done.stdout and "error" not in done.stdout


@pytest.mark.parametrize("label", ["apps.users.models", "apps.nowhere"])
def test_no_test_found_is_a_failure(whole, label):
    assert whole.execute("web", "bash", "/app/scripts/test.sh", label, check=False).returncode != 0
    by_django = ("python", "manage.py", "test", label, "--settings=config.test_settings")
    assert whole.execute("web", *by_django, check=False).returncode != 0


# --- who reaches whom

REACHES = {
    "proxy": {"web:8000", "ws:8001", "analytics:5000"},
    "web": {"postgres:5432", "redis:6379", "analytics:5000"},
    "worker": {"postgres:5432", "redis:6379"},
    "relay": {"postgres:5432", "redis:6379", "kafka:9092"},
    "analytics": {"postgres:5432", "redis:6379", "web:8000"},
    "flower": {"redis:6379"},
    "kafka": set(),
}
SERVERS = {"postgres:5432", "redis:6379", "kafka:9092"}


@pytest.mark.parametrize("service", REACHES)
def test_a_container_reaches_what_it_needs_and_no_other_server(whole, service):
    def reaches(place):
        words = ("timeout", "3", "bash", "-c", f"exec 3<>/dev/tcp/{place.replace(':', '/')}")
        return whole.execute(service, *words, check=False).returncode == 0

    found = {
        place for place in SERVERS | REACHES[service] if not place.startswith(service) and reaches(place)
    }
    assert found == REACHES[service]


def test_a_program_reads_its_own_secrets_only(whole):
    assert whole.execute("relay", "ls", "/run/secrets").stdout.split() == ["redis_url", "relay_database_url"]
    assert whole.execute("ws", "ls", "/run", check=False).stdout.split().count("tests-secrets") == 0
    assert whole.execute("web", "cat", "/run/owner-secrets/superuser_url", check=False).returncode != 0


# --- what stays

STATE = """
import json, hashlib, pathlib
from django.db import connection
import django; django.setup()
with connection.cursor() as cursor:
    counts = {}
    for table in ("users_user", "tasks_task", "event", "event_order", "activity"):
        cursor.execute(f"SELECT count(*) FROM {table}")
        counts[table] = cursor.fetchone()[0]
from django.conf import settings
import redis
queue = redis.Redis.from_url(settings.REDIS_URL)
keys = sorted(path.name for path in settings.JWT_KEYS_DIR.iterdir())
print(json.dumps({"counts": counts, "kept": queue.llen("kept-for-the-test"), "keys": keys,
                  "secret": hashlib.sha256(settings.SECRET_KEY.encode()).hexdigest(),
                  "mails": len(list(settings.OUTBOX_DIR.glob("*.eml")))}))
"""
QUEUE = """
from config.env import read_settings
import redis
redis.Redis.from_url(read_settings().redis_url).rpush("kept-for-the-test", *range(7))
"""


def state(project):
    found = json.loads(project.execute("web", "python", "-c", STATE).stdout.splitlines()[-1])
    offsets = ("/opt/kafka/bin/kafka-get-offsets.sh", "--bootstrap-server", "kafka:9092")
    lines = project.execute("kafka", *offsets).stdout.split()
    return found | {"kafka": sorted(line for line in lines if not line.startswith("__"))}


def test_down_and_up_keep_people_tasks_events_kafka_s_log_redis_queue_and_keys(whole):
    whole.execute("web", "python", "-c", QUEUE)
    before = state(whole)
    whole.down()
    whole.up()
    after = state(whole)
    assert before["kept"] == 7 and before["counts"]["tasks_task"] > 0 and before["mails"] > 0
    assert after == before


# --- with secrets of one's own, and the small choice


def test_with_env_and_keys_of_one_s_own_the_same_works(own_secrets, clone):
    assert services_not_healthy(own_secrets.containers()) == []
    made = {path.stem for path in (clone / "keys").glob("*.pem")}
    published = json.loads(answer(at(own_secrets, "WEB_PORT", "/.well-known/jwks.json"))[1])["keys"]
    assert {key["kid"] for key in published} == made
    own_secrets.execute("web", "python", "manage.py", "seed")
    test_tests_run_inside_and_pass(own_secrets, ("bash", "/app/scripts/test.sh", "apps.users.tests"))


def test_the_small_choice_carries_the_thread_in_seven_containers(core):
    core.execute("web", "python", "manage.py", "seed")
    in_the_browser(core)
    memory = core.memory()
    print(
        json.dumps({"containers": len(memory), "pss_mb": memory, "total_mb": round(sum(memory.values()), 1)})
    )
    assert set(memory) == {"postgres", "redis", "proxy", "web", "ws", "consumers", "worker"}
    assert services_not_healthy(core.containers()) == []
    status, problem = answer(at(core, "WEB_PORT", "/api/v1/analytics/healthz"))
    assert (status, json.loads(problem)["code"]) == (503, "unavailable")


def test_in_production_s_image_are_no_tests_and_no_owner_s_address(clone):
    project = Project(
        f"daybookapp{os.getpid()}", clone, core=True, environment=own_ports() | {"APP_TARGET": "app"}
    )
    for running in started(project):
        assert running.execute("web", "python", "-c", "import pytest", check=False).returncode == 1
        assert running.execute("web", "ls", "/run/tests-secrets").stdout == ""
        assert running.execute("web", "cc", "--version", check=False).returncode != 0


def test_off_loopback_nobody_gets_an_account_with_a_known_password(clone):
    project = Project(
        f"daybookbind{os.getpid()}", clone, core=True, environment=own_ports() | {"BIND": "0.0.0.0"}
    )
    for running in started(project):
        refused = running.execute("web", "python", "manage.py", "seed", check=False)
        assert refused.returncode != 0 and "Demo accounts are off" in refused.stderr
        assert "/set-up/" in running.execute("web", "python", "manage.py", "setup_link").stdout
