"""`scripts/lock`: requirements.in becomes requirements.txt, every package with one version and its hashes.

All inputs are resolved together first, so that one environment can hold every program (the small install
does), and then each input by itself within that answer. Versions already pinned stay, unless --upgrade.
No file names an address to download from: where packages come from is the machine's own setting.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from daybook_scripts import layout
from daybook_scripts.environment import make_environment, pip_install
from daybook_scripts.trouble import Trouble, exit_plainly

UV = "uv==0.13.9"
LOWEST_PYTHON = "3.11"

PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(\[[^\]]*\])?==(\S+)")


def pinned(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """(name, version) of each pin, extras and markers left away."""
    for line in lines:
        if found := PIN.match(line):
            yield found[1], found[3].rstrip(";\\")


def uv_binary() -> Path:
    """uv in an environment of its own, so that it is in nobody's requirements."""
    folder = layout.ROOT / ".local" / "lock" / layout.fingerprint(UV, layout.python_series())
    uv = folder / "bin" / "uv"
    if not uv.exists():
        make_environment(folder)
        pip_install(folder, [UV])
    return uv


def without_addresses(environment: dict[str, str]) -> dict[str, str]:
    """The machine's own folders of wheels would be written into the files."""
    return {
        name: value for name, value in environment.items() if name not in ("UV_FIND_LINKS", "PIP_FIND_LINKS")
    }


def compile_pins(uv: Path, sources: list[Path], target: Path, *options: str) -> None:
    command = [str(uv), "pip", "compile", "--quiet", "--universal", "--python-version", LOWEST_PYTHON]
    command += ["--no-header", "--no-emit-index-url", "--no-emit-find-links", "--annotation-style", "line"]
    command += ["--output-file", relative(target), *options, *(relative(source) for source in sources)]
    done = subprocess.run(
        command, cwd=layout.ROOT, env=without_addresses(dict(os.environ)), stdout=subprocess.DEVNULL
    )
    if done.returncode:
        raise Trouble(
            "lock_unresolved",
            f"uv could not resolve {', '.join(relative(source) for source in sources)} (its words are above).",
            "loosen the requirement it names, or try again if the package index did not answer.",
        )


def relative(path: Path) -> str:
    return str(path.relative_to(layout.ROOT))


def remember_pins(union: Path) -> None:
    """uv keeps the versions it finds in its output file: give it those of all our files."""
    union.parent.mkdir(parents=True, exist_ok=True)
    kept: dict[str, str] = {}
    for stem in layout.LOCKED:
        if layout.pins(stem).exists():
            kept.update(pinned(layout.pins(stem).read_text().splitlines()))
    union.write_text("".join(f"{name}=={version}\n" for name, version in sorted(kept.items())))


def drop_constraint_notes(target: Path, union: Path) -> None:
    """`via -c …` names our scratch file, which nobody else has."""
    note = re.compile(rf"(?:, )?-c {re.escape(relative(union))}")
    text = note.sub("", target.read_text())
    target.write_text(re.sub(r"\s+# via\s*(?=\n)", "", text.replace("# via , ", "# via ")))


def lock(upgrade: bool) -> None:
    uv = uv_binary()
    union = layout.ROOT / ".local" / "lock" / "union.txt"
    remember_pins(union)
    print("resolving all requirements together", flush=True)
    compile_pins(
        uv, [layout.inputs(stem) for stem in layout.LOCKED], union, *(["--upgrade"] if upgrade else [])
    )
    for stem in layout.LOCKED:
        target = layout.pins(stem)
        # `--upgrade` here only drops what the file said before: the union decides every version.
        compile_pins(
            uv, [layout.inputs(stem)], target, "--generate-hashes", "--upgrade", "-c", relative(union)
        )
        drop_constraint_notes(target, union)
        count = len(list(pinned(target.read_text().splitlines())))
        print(f"{relative(target)}: {count} packages", flush=True)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/lock", description="Pins every requirement with its hashes."
    )
    parser.add_argument(
        "--upgrade", action="store_true", help="take the newest versions that fit, not the pinned ones"
    )
    lock(parser.parse_args(arguments).upgrade)
    return 0


if __name__ == "__main__":
    sys.exit(exit_plainly(main))
