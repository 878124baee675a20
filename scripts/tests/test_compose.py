"""The compose files, as Docker Compose reads them: what runs, with which rights, and who reaches whom."""

import re

import pytest

from daybook_scripts import layout
from daybook_scripts.compose import CORE, WHOLE, resolved

ONE_SHOT = {"init", "migrate", "kafka-init"}
LONG_RUNNING = {
    "postgres", "redis", "kafka", "proxy", "web", "ws", "relay", "consumers", "worker", "beat", "analytics", "flower",
    "kafka-ui",
}  # fmt: skip
SMALL = {"postgres", "redis", "proxy", "web", "ws", "consumers", "worker"}


@pytest.fixture(scope="module")
def whole():
    return resolved(WHOLE)


@pytest.fixture(scope="module")
def core():
    return resolved(CORE)


def test_a_plain_up_starts_everything(whole):
    assert set(whole["services"]) == ONE_SHOT | LONG_RUNNING
    assert not any(service.get("profiles") for service in whole["services"].values())


def test_the_small_choice_leaves_kafka_analytics_and_tools_out(core):
    assert set(core["services"]) == {"init", "migrate"} | SMALL
    environment = core["services"]["consumers"]["environment"]
    assert environment["EVENT_LOG"] == "postgres"
    assert core["services"]["web"]["environment"]["ANALYTICS_URL"] == ""


@pytest.mark.parametrize("form", [WHOLE, CORE], ids=["whole", "core"])
def test_every_program_is_checked_hardened_and_started_again(form):
    for name, service in resolved(form)["services"].items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["read_only"] and service["init"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not service.get("privileged"), name
        if name in ONE_SHOT:
            assert service["restart"] == "no", name
        else:
            assert service["restart"] == "unless-stopped", name
            assert service["healthcheck"]["test"], name


def test_only_init_is_root_and_it_has_no_network(whole):
    roots = {name for name, service in whole["services"].items() if service.get("user") in ("root", "0")}
    assert roots == {"init"}
    assert whole["services"]["init"]["network_mode"] == "none"


def test_only_the_proxy_may_listen_outside_loopback():
    elsewhere = resolved(WHOLE, {"BIND": "0.0.0.0"})
    published = {
        name: {port["host_ip"] for port in service["ports"]}
        for name, service in elsewhere["services"].items()
        if service.get("ports")
    }
    assert published == {"proxy": {"0.0.0.0"}, "flower": {"127.0.0.1"}, "kafka-ui": {"127.0.0.1"}}


def test_without_bind_everything_is_on_loopback(whole):
    ports = [port for service in whole["services"].values() for port in service.get("ports", [])]
    assert {port["host_ip"] for port in ports} == {"127.0.0.1"}
    assert {port["published"] for port in ports} == {"8000", "5555", "8080"}


def test_who_is_on_a_server_s_network_is_who_needs_it(whole):
    on = {network: set() for network in whole["networks"]}
    for name, service in whole["services"].items():
        for network in service.get("networks", {}):
            on[network].add(name)
    programs = {"web", "ws", "relay", "consumers", "worker", "beat", "analytics"}
    assert on == {
        "postgres": {"postgres", "migrate", *programs},
        "redis": {"redis", "flower", *programs},
        "kafka": {"kafka", "kafka-init", "kafka-ui", "relay", "consumers"},
        "front": {"proxy", "web", "ws", "analytics"},
        "outside": {"proxy"},
        "operators": {"flower", "kafka-ui"},
        "mail": {"worker"},
    }


def test_only_mail_leaves_the_machine(whole):
    masquerade = "com.docker.network.bridge.enable_ip_masquerade"
    open_ = {
        name
        for name, network in whole["networks"].items()
        if not network.get("internal") and network.get("driver_opts", {}).get(masquerade) != "false"
    }
    assert open_ == {"mail"}


def test_a_program_sees_no_other_s_secrets(whole):
    """Each has a volume of its own; the one with all of them is init's alone."""
    mounted = {}
    for name, service in whole["services"].items():
        for volume in service.get("volumes", []):
            if "secrets" in volume["source"] and name != "init":
                assert volume.get("read_only"), (name, volume["source"])
                mounted.setdefault(volume["source"], set()).add(name)
    assert mounted == {
        "owner-secrets": {"migrate"},
        "web-secrets": {"migrate", "web", "ws", "worker", "beat"},
        "tests-secrets": {"web"},
        "relay-secrets": {"relay"},
        "consumers-secrets": {"consumers"},
        "analytics-secrets": {"analytics"},
        "flower-secrets": {"flower"},
        "postgres-secrets": {"postgres"},
        "redis-secrets": {"redis"},
        "kafka-ui-secrets": {"kafka-ui"},
    }


def test_no_secret_stands_in_a_container_s_environment(whole):
    for name, service in whole["services"].items():
        for variable, value in (service.get("environment") or {}).items():
            if (
                re.search("PASSWORD|SECRET|AUTH|DATABASE_URL|REDIS_URL|EMAIL_URL", variable)
                and name != "init"
            ):
                assert variable.endswith("_FILE"), (name, variable)
                assert value.startswith("/run/"), (name, variable)


@pytest.mark.parametrize("port", ["8000", "9000"])
def test_the_public_address_follows_the_port(port):
    services = resolved(WHOLE, {"WEB_PORT": port})["services"]
    addresses = {
        service["environment"].get("PUBLIC_URL")
        for service in services.values()
        if service.get("environment")
    }
    assert addresses - {None} == {f"http://127.0.0.1:{port}"}


def test_production_chooses_its_image_by_one_variable():
    services = resolved(WHOLE, {"APP_TARGET": "app"})["services"]
    assert services["init"]["build"]["target"] == "app"
    assert {services[name]["image"] for name in ("init", "migrate", "web", "worker")} == {
        "daybook-django:app"
    }


def dockerfiles():
    return [path for path in layout.ROOT.glob("*/**/Dockerfile") if ".local" not in path.parts]


def test_every_image_is_pinned_and_every_build_is_for_old_builders_too(whole):
    images = {service["image"] for service in whole["services"].values() if "build" not in service}
    images -= {image for image in images if image.startswith("daybook-")}
    for path in dockerfiles():
        text = path.read_text()
        assert "# syntax=" not in text, path
        assert "--mount=" not in text and "--chmod" not in text, path
        stages = set(re.findall(r"^FROM \S+ AS (\S+)", text, re.MULTILINE))
        images |= {
            name for name in re.findall(r"^FROM (\S+)", text, re.MULTILINE) if "$" not in name
        } - stages
    assert images
    for image in images:
        assert re.search(r":v?\d", image), image


@pytest.mark.parametrize("path", dockerfiles(), ids=lambda path: str(path.relative_to(layout.ROOT)))
def test_every_image_runs_as_a_user_and_in_exec_form(path):
    text = path.read_text()
    assert re.findall(r"^USER (\S+)", text, re.MULTILINE)[-1] != "root"
    assert all(words.startswith("[") for words in re.findall(r"^(?:CMD|ENTRYPOINT) (.*)", text, re.MULTILINE))
