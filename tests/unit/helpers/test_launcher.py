"""How a helper is started: by a text without a path, which finds the package when it runs."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

import pytest

from fjordkube.helpers import launcher
from fjordkube.helpers.__main__ import VERBS, find
from fjordkube.roots import CHECKOUT

USAGE = "usage: fjordkube.helpers artifacts|join|member|encrypt|"


def run(text: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": "/usr/bin:/bin", **environment}
    return subprocess.run(["/bin/sh", "-c", text], cwd=folder, env=env, capture_output=True, text=True, check=False)


def test_the_text_holds_no_path_of_this_computer() -> None:
    text = launcher.command("join")
    for path in (CHECKOUT, Path.home(), Path(sys.executable).parent):
        assert str(path) not in text
    assert text.endswith(" join")


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_is_there(verb: str) -> None:
    assert callable(find(verb))


def test_a_checkout_is_found_as_the_working_folder() -> None:
    done = run(launcher.command("dance"), CHECKOUT, FJORDKUBE_PYTHON=sys.executable)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(USAGE)


@pytest.mark.parametrize("name", [".venv", "venv"])
def test_the_projects_own_environment_is_found_beside_neighbours_of_any_name(name: str, tmp_path: Path) -> None:
    venv.create(tmp_path / name, with_pip=False, symlinks=True)
    (packages,) = (tmp_path / name / "lib").glob("python3*/site-packages")
    (packages / "fjordkube").symlink_to(CHECKOUT / "components")
    for neighbour in ("types", "json", "ssl"):
        (tmp_path / f"{neighbour}.py").write_text("raise ImportError('a neighbour was imported')\n")
    done = run(launcher.command("dance"), tmp_path)
    assert done.stderr.startswith(USAGE), done.stderr


def test_helpers_need_the_standard_library_alone(tmp_path: Path) -> None:
    venv.create(tmp_path / ".venv", with_pip=False, symlinks=True)
    (packages,) = (tmp_path / ".venv" / "lib").glob("python3*/site-packages")
    (packages / "fjordkube").symlink_to(CHECKOUT / "components")
    for module in {module for module, _ in VERBS.values()}:
        words = [str(tmp_path / ".venv" / "bin" / "python"), "-I", "-c", f"import fjordkube.helpers.{module}"]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_a_missing_package_is_told_with_the_fix(tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=False, symlinks=True)
    done = run(launcher.command("join"), tmp_path)
    assert done.returncode == 1
    assert "package fjordkube: not found by" in done.stderr
    assert "set FJORDKUBE_PYTHON" in done.stderr
    assert "Traceback" not in done.stderr
