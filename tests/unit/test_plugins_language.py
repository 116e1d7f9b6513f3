"""The language host stand-in: which interpreter runs a program, and how its errors are told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from offline.plugins import installation
from offline.plugins.language_host.interpreter import InterpreterMissing, interpreter, provider_packages
from offline.plugins.language_host.program import unhandled


def _fake_python(folder: Path) -> str:
    python = folder / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    return str(python)


def test_the_named_environment_wins(tmp_path: Path) -> None:
    python = _fake_python(tmp_path / "env")
    assert interpreter({"virtualenv": "env"}, str(tmp_path), str(tmp_path)) == python


def test_a_missing_environment_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(InterpreterMissing, match=r"create it with: python3 -m venv .*/env$"):
        interpreter({"virtualenv": "env"}, str(tmp_path), str(tmp_path))


def test_without_a_name_the_programs_own_environment_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_PYTHON_CMD", "/chosen/python")
    assert interpreter({}, str(tmp_path), str(tmp_path)) == "/chosen/python"
    monkeypatch.delenv("PULUMI_PYTHON_CMD")
    assert interpreter({}, str(tmp_path), str(tmp_path)) == sys.executable
    assert interpreter({}, str(tmp_path), str(tmp_path)) != _fake_python(tmp_path / ".venv")
    assert interpreter({"toolchain": "uv"}, str(tmp_path), "/elsewhere") == str(tmp_path / ".venv/bin/python")


def test_provider_packages_are_read_from_the_interpreter() -> None:
    names = {package["name"]: package["version"] for package in provider_packages(sys.executable)}
    assert names["command"] == "1.2.1"


def test_a_traceback_begins_in_the_program(tmp_path: Path) -> None:
    program = tmp_path / "__main__.py"
    program.write_text("def inner():\n    raise KeyError('x')\ninner()\n")
    try:
        exec(compile(program.read_text(), str(program), "exec"), {})
    except KeyError as error:
        text = unhandled(error, str(tmp_path))
    lines = text.splitlines()
    assert lines[:2] == ["Program failed with an unhandled exception:", "Traceback (most recent call last):"]
    assert str(program) in lines[2]
    assert lines[-1] == "KeyError: 'x'"


@pytest.mark.parametrize(
    "name", ["pulumi-language-python", *(f"pulumi-resource-{provider}" for provider in installation.PROVIDERS)]
)
def test_every_launcher_says_what_it_is(name: str, tmp_path: Path) -> None:
    link = tmp_path / name
    link.symlink_to(installation.LAUNCHERS / name)
    environment = {"FJORDKUBE_PYTHON": sys.executable, "PATH": "/usr/bin:/bin"}
    said = subprocess.run([link, "--help"], env=environment, capture_output=True, text=True, check=True, timeout=30)
    assert f"{name}: fjordkube's stand-in" in said.stdout
