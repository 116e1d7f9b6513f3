"""How the relay is started, and which edit of its source starts what again."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from components.relay import starting
from components.relay.__main__ import VERBS


def test_the_command_is_run_by_path_from_the_checkout() -> None:
    assert starting.command("join") == "exec python3 -I components/relay join"
    assert {"join", "member", "remove", "release", "survey", "disk", "bgp", "data-path", "ipvs", "ingress"} == set(
        VERBS
    )


def test_it_runs_without_anything_but_the_standard_library(tmp_path: Path) -> None:
    copy = tmp_path / "components" / "relay"
    shutil.copytree(starting.FOLDER, copy, ignore=shutil.ignore_patterns("__pycache__"))
    # neighbours that would be taken for standard modules, or import what is not there
    for name in ("__init__", "types", "json", "ssl"):
        (copy.parent / f"{name}.py").write_text("raise ImportError('a neighbour was imported')\n")
    command = [sys.executable, "-I", "-S", str(copy), "dance"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={})
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: relay join|member|remove|")


@pytest.mark.parametrize(("edited", "joins"), [("gates/bgp.py", False), ("ssh.py", True)])
def test_an_edited_gate_joins_nobody(edited: str, joins: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "relay"
    shutil.copytree(starting.FOLDER, copy)
    monkeypatch.setattr(starting, "FOLDER", copy)
    before = starting.digest("membership"), starting.digest("gates")
    (copy / edited).write_text("# edited\n")
    assert (starting.digest("membership") != before[0]) == joins
    assert starting.digest("gates") != before[1]
