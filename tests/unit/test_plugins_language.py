"""The language host stand-in: which interpreter runs a program, and how its errors are told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from offline.plugins import installation
from offline.plugins.language_host.host import PLUGIN, LanguageHost
from offline.plugins.language_host.interpreter import InterpreterMissing, interpreter, provider_packages
from offline.plugins.language_host.program import unhandled
from offline.plugins.protocol import language_pb2


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


class Call:
    """A call of the engine's that can be given up."""

    def __init__(self) -> None:
        self.given_up: list[Callable[[], None]] = []

    def add_callback(self, callback: Callable[[], None]) -> None:
        self.given_up.append(callback)


def plugin(folder: Path, body: str) -> language_pb2.RunPluginRequest:
    (folder / "__main__.py").write_text(body)
    info = language_pb2.ProgramInfo(root_directory=str(folder), program_directory=str(folder), entry_point=".")
    environment = [f"PATH={os.environ['PATH']}", "SAID=by the engine"]
    return language_pb2.RunPluginRequest(info=info, pwd=str(folder), args=["host:1"], env=environment, kind="analyzer")


def test_a_plugin_is_run_with_what_the_engine_says_and_its_words_come_back(tmp_path: Path) -> None:
    body = "import os, sys\nprint(4711, sys.argv[1:], os.environ['SAID'])\nprint('oh', file=sys.stderr)\nsys.exit(3)\n"
    answers = list(LanguageHost().RunPlugin(plugin(tmp_path, body), cast(Any, Call())))
    assert b"".join(answer.stdout for answer in answers) == b"4711 ['host:1'] by the engine\n"
    assert b"".join(answer.stderr for answer in answers) == b"oh\n"
    assert answers[-1].WhichOneof("output") == "exitcode"
    assert answers[-1].exitcode == 3


def test_a_plugin_that_serves_ends_when_the_engine_gives_it_up(tmp_path: Path) -> None:
    call = Call()
    body = "import time\nprint(4711)\ntime.sleep(3600)\n"
    answers = LanguageHost().RunPlugin(plugin(tmp_path, body), cast(Any, call))
    said = b""
    while not said.endswith(b"\n"):
        said += next(answers).stdout
    assert said == b"4711\n"
    call.given_up[0]()
    assert [answer.exitcode for answer in answers] == [-signal.SIGTERM]


def test_a_plugin_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    """A language host that is killed must leave no policy pack behind, which would serve for ever."""
    (tmp_path / "__main__.py").write_text("import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(3600)\n")
    words = [sys.executable, str(PLUGIN), str(tmp_path)]
    starter = f"import subprocess, time\nsubprocess.Popen({words!r})\ntime.sleep(3600)\n"
    parent = subprocess.Popen([sys.executable, "-c", starter], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    end = time.monotonic() + 20
    while time.monotonic() < end and Path(f"/proc/{child}/cmdline").exists():
        if not Path(f"/proc/{child}/cmdline").read_bytes():
            break  # dead, and its new parent has not looked yet
        time.sleep(0.1)
    assert time.monotonic() < end


@pytest.mark.parametrize(
    "name", ["pulumi-language-python", *(f"pulumi-resource-{provider}" for provider in installation.PROVIDERS)]
)
def test_every_launcher_says_what_it_is(name: str, tmp_path: Path) -> None:
    link = tmp_path / name
    launcher = installation.LAUNCHERS / name
    link.symlink_to(launcher if launcher.exists() else installation.PREVIEWING)
    environment = {"FJORDKUBE_PYTHON": sys.executable, "PATH": "/usr/bin:/bin"}
    said = subprocess.run([link, "--help"], env=environment, capture_output=True, text=True, check=True, timeout=30)
    assert f"{name}: fjordkube's stand-in" in said.stdout
