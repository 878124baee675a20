"""The parts of the pages fit: every icon that is used is in the sprite, every module that is imported is there."""

from __future__ import annotations

import re
from pathlib import Path

from django.core.management import call_command

APPS = Path(__file__).resolve().parents[3]
SCRIPTS = APPS / "common/static/daybook"
KEYS = [f"st-{key}" for key in ("todo", "progress", "blocked", "done", "cancelled")]
TALLIES = [f"pr-{key}" for key in ("low", "medium", "high", "urgent")]


def test_every_icon_that_a_template_uses_is_in_the_sprite():
    sprite = (APPS / "common/templates/common/sprite.html").read_text()
    there = set(re.findall(r'id="i-([a-z-]+)"', sprite))
    used = {*KEYS, *TALLIES}
    for template in APPS.glob("*/templates/**/*.html"):
        used |= set(re.findall(r'(?:icon "|#i-)([a-z-]+)', template.read_text()))
    assert used - there == set()


def test_colours_are_named_in_one_file():
    assert not re.search(r"#[0-9a-fA-F]{3,8}\b", re.sub(r"#fff\b", "", (SCRIPTS / "app.css").read_text()))


def test_modules_are_collected_under_hashed_names_and_import_each_other_by_them(tmp_path, settings):
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "apps.common.pages.storage.ModuleStorage"}
    }
    call_command("collectstatic", interactive=False, verbosity=0)
    folder = tmp_path / "daybook"
    hashed = [path for path in folder.glob("*.js") if path.name.count(".") == 2]
    assert len(hashed) == len(list(SCRIPTS.glob("*.js")))
    for module in hashed:
        for name in re.findall(r'(?:from|import)\s*"\./([^"]+)"', module.read_text()):
            assert (folder / name).exists() and name.count(".") == 2


def test_scripts_make_no_elements_from_strings():
    for module in SCRIPTS.glob("*.js"):
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", module.read_text()
        )
        assert "parseFromString" not in module.read_text() or module.name == "dom.js"
