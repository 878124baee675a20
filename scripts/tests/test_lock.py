"""The pinned requirements: complete, hashed, and silent about where packages come from."""

import re

import pytest

from daybook_scripts import layout
from daybook_scripts.lock import drop_constraint_notes, pinned

STEMS = layout.LOCKED
IDS = [str(stem.relative_to(layout.ROOT)) for stem in STEMS]


def pins_of(stem):
    return dict(pinned(layout.pins(stem).read_text().splitlines()))


@pytest.mark.parametrize("stem", STEMS, ids=IDS)
def test_no_file_names_an_address_or_a_folder_to_download_from(stem):
    text = layout.pins(stem).read_text() + layout.inputs(stem).read_text()
    assert not re.search(r"://|--(extra-)?index-url|--find-links|--trusted-host|^-[if] ", text, re.MULTILINE)


@pytest.mark.parametrize("stem", STEMS, ids=IDS)
def test_every_package_has_one_version_and_hashes(stem):
    blocks = re.split(r"\n(?=[A-Za-z0-9])", layout.pins(stem).read_text().strip())
    assert blocks
    for block in blocks:
        assert re.match(r"[A-Za-z0-9._-]+(\[[^\]]+\])?==\S+", block), block.splitlines()[0]
        assert "--hash=sha256:" in block, block.splitlines()[0]


@pytest.mark.parametrize("stem", STEMS, ids=IDS)
def test_every_package_that_is_asked_for_is_pinned(stem):
    asked = re.findall(r"^([A-Za-z0-9][A-Za-z0-9._-]*)", layout.inputs(stem).read_text(), re.MULTILINE)
    assert asked
    missing = {name for name in asked if name.replace("_", "-").lower() not in pins_of(stem)}
    assert not missing, f"run scripts/lock: {missing}"


def test_no_two_files_want_different_versions_so_that_one_environment_can_hold_all():
    versions = {}
    for stem in STEMS:
        for name, version in pins_of(stem).items():
            versions.setdefault(name, set()).add(version)
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


def test_the_scratch_file_of_the_resolution_is_not_named(tmp_path):
    union = layout.ROOT / ".local" / "lock" / "union.txt"
    target = tmp_path / "requirements.txt"
    target.write_text(
        "a==1\n    # via -c .local/lock/union.txt, b\nc==2\n    # via -c .local/lock/union.txt\n"
    )
    drop_constraint_notes(target, union)
    assert target.read_text() == "a==1\n    # via b\nc==2\n"
