"""Shell that reaches a node: what is quoted arrives as it was, whatever it holds."""

from __future__ import annotations

import random
import re
import string
import subprocess
from pathlib import Path
from typing import Any

import pytest

from fjordkube import remote
from fjordkube import shell as shell_text
from fjordkube.remote import Remote, connection
from fjordkube.shell import File, by_bash, script, shell
from tests.components.engine_recording import record, run
from tests.scripts.machine import Machine

AWKWARD = [
    "",
    "plain",
    "two words",
    "  spaces at both ends  ",
    "it's",
    'say "hello"',
    "'\"'\"'",
    "$HOME `id` $(id) ${x}",
    "back\\slash\\n",
    "a\nb\n",
    "\n\n",
    "\ttab",
    "!history",
    "* ? [a]",
    "# no comment",
    "-n",
    "å ∂ 北",
    "a;b&c|d>e<f",
]


def bash(text: str, folder: Path) -> str:
    done = subprocess.run(
        ["bash", "-s"],
        input=text.encode(),
        env={"PATH": "/usr/bin:/bin", "FJORDKUBE_ROOT": str(folder)},
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    # not in text mode, which would turn \r into \n
    return done.stdout.decode()


@pytest.fixture
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Scripts of this test beside the real library."""
    folder = tmp_path / "scripts"
    folder.mkdir()
    (folder / "lib.sh").write_text(script("lib"))
    monkeypatch.setattr(shell_text, "SCRIPTS", folder)
    return folder


def test_values_arrive_as_they_were(scripts: Path, tmp_path: Path) -> None:
    chance = random.Random(5)
    drawn = ["".join(chance.choices(string.printable, k=30)) for _ in range(50)]
    values = {f"V{n}": value for n, value in enumerate([*AWKWARD, *drawn])}
    (scripts / "tell.sh").write_text("\n".join(f"printf '%s\\0' \"${name}\"" for name in values) + "\n")
    assert bash(shell(["tell"], values), tmp_path).split("\0")[:-1] == list(values.values())


def test_files_arrive_as_they_were_with_a_last_newline_and_their_mode(tmp_path: Path) -> None:
    texts = [text for text in AWKWARD if text] + ["EOF\n", "$(touch pwned)\n", "'EOF_12345678'\nEOF_12345678\n"]
    files = {f"{tmp_path}/etc/it's a file {n}": File(text, "0600") for n, text in enumerate(texts)}
    bash(shell([], {}, files), tmp_path)
    for n, text in enumerate(texts):
        path = Path(f"{tmp_path}/etc/it's a file {n}")
        assert path.read_text() == (text if text.endswith("\n") else text + "\n")
        assert path.stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "pwned").exists()


def test_text_that_holds_its_own_end_mark_does_not_end_early(tmp_path: Path) -> None:
    # the mark follows from the content, so it cannot be known when the content is written
    text = "first\n"
    for _ in range(3):
        mark = re.findall(r"EOF_[0-9a-f]{8}", shell([], {}, {"/x": text}))[0]
        text += f"{mark}\n"
    target = f"{tmp_path}/file"
    bash(shell([], {}, {target: text}), tmp_path)
    assert Path(target).read_text() == text


def test_file_that_is_as_it_should_be_is_not_written_again(tmp_path: Path) -> None:
    target = tmp_path / "file"
    text = shell([], {}, {str(target): "same\n"})
    bash(text, tmp_path)
    before = target.stat()
    bash(text, tmp_path)
    assert (target.stat().st_ino, target.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    bash(shell([], {}, {str(target): File("same\n", "0600")}), tmp_path)
    assert target.stat().st_ino != before.st_ino


def test_order_is_library_values_files_scripts(scripts: Path, tmp_path: Path) -> None:
    (scripts / "first.sh").write_text('log "values $A$B, file $(cat "$FILE")"\nprintf first\n')
    (scripts / "second.sh").write_text("printf ' second'\n")
    values = {"FILE": str(tmp_path / "f"), "B": "2", "A": "1"}
    assert bash(shell(["first", "second"], values, {str(tmp_path / "f"): "text"}), tmp_path) == "first second"


def test_text_does_not_depend_on_the_order_in_which_values_were_given() -> None:
    one = shell([], {"A": "1", "B": "2"}, {"/a": "x", "/b": "y"})
    assert one == shell([], {"B": "2", "A": "1"}, {"/b": "y", "/a": "x"})


def test_first_failing_command_and_an_unset_value_end_the_script(scripts: Path, tmp_path: Path) -> None:
    machine = Machine(tmp_path / "machine")
    for body in ("false", 'echo "$NOT_GIVEN"', "false | cat"):
        (scripts / "bad.sh").write_text(f"{body}\necho reached\n")
        done = machine.run(["bad"], {})
        assert done.returncode != 0
        assert "reached" not in done.stdout


def test_scripts_never_print_what_they_run() -> None:
    # set -x would put tokens into logs
    for path in shell_text.SCRIPTS.glob("*.sh"):
        assert not re.search(r"^\s*set -[a-z]*x|^\s*set -o xtrace", path.read_text(), re.MULTILINE), path.name


# --- As a resource ---------------------------------------------------------------------------------------------------


def command(preview: bool, **options: Any) -> Any:
    seen = record(preview)

    def program() -> None:
        reached = connection("127.0.0.1", 2201, "PRIVATE", "ssh-ed25519 AAAA")
        Remote("c", connection=reached, create="echo", **options)

    run(program)
    return seen.seen["c"]


@pytest.mark.parametrize("preview", [False, True])
def test_command_updates_as_it_creates_over_a_pinned_bounded_connection(preview: bool) -> None:
    found = command(preview)
    assert found.inputs["create"] == found.inputs["update"] == by_bash("echo")
    assert found.secret_inputs == ["connection"]
    reached = found.inputs["connection"]["value"]
    assert (reached["host"], reached["port"], reached["user"]) == ("127.0.0.1", 2201, "root")
    assert reached["hostKey"] == "ssh-ed25519 AAAA"
    assert reached["dialErrorLimit"] == remote.DIAL_ERROR_LIMIT
    assert found.inputs["logging"] == "stderr"


@pytest.mark.parametrize("preview", [False, True])
def test_bastion_has_a_key_and_a_pinned_host_key_of_its_own(preview: bool) -> None:
    seen = record(preview)

    def program() -> None:
        bastion = remote.through("203.0.113.5", 2222, "JUMP KEY", "ssh-ed25519 BBBB", "jump")
        Remote("c", connection=connection("10.1.0.11", 22, "PRIVATE", "ssh-ed25519 AAAA", bastion=bastion), create="t")

    run(program)
    found = seen.seen["c"]
    assert found.secret_inputs == ["connection"]
    proxy = found.inputs["connection"]["value"]["proxy"]
    assert (proxy["host"], proxy["port"], proxy["user"]) == ("203.0.113.5", 2222, "jump")
    assert (proxy["privateKey"], proxy["hostKey"]) == ("JUMP KEY", "ssh-ed25519 BBBB")
    assert proxy["dialErrorLimit"] == remote.DIAL_ERROR_LIMIT


@pytest.mark.parametrize("preview", [False, True])
def test_user_who_is_not_root_runs_every_command_by_sudo(preview: bool) -> None:
    found = command(preview, sudo=True, delete="echo bye")
    assert found.inputs["create"] == found.inputs["update"] == by_bash("echo", sudo=True)
    assert found.inputs["delete"] == by_bash("echo bye", sudo=True)


SUDO = '#!/bin/bash\nprintf "%s\\n" "$*" >>"$LOG"; [ "$1" = -n ] && shift && exec "$@"\n'
"""Stands in for sudo: notes what its log would hold."""


@pytest.mark.parametrize(
    ("script_text", "out", "code"),
    [
        ("set -euo pipefail\necho one\ncat\necho 'two it''s'\n", "one\ntwo its\n", 0),
        ("trap 'echo ended' EXIT\necho one\nexit 7\necho never\n", "one\nended\n", 7),
        ("set -e\nfalse\necho never\n", "", 1),
        ("write() { cat; }\nwrite <<'EOF_1'\na $HOME\n}\nEOF_1\n", "a $HOME\n}\n", 0),
        ("echo no end of line", "no end of line\n", 0),
    ],
)
@pytest.mark.parametrize("sudo", [False, True])
def test_script_runs_by_bash_under_any_login_shell_and_sudo_hears_nothing_of_it(
    tmp_path: Path, script_text: str, out: str, code: int, sudo: bool
) -> None:
    (tmp_path / "sudo").write_text(SUDO)
    (tmp_path / "sudo").chmod(0o755)
    log = tmp_path / "log"
    for shell_name in ("bash", "sh"):  # a user's login shell
        done = subprocess.run(
            [shell_name, "-c", by_bash(script_text, sudo)],
            env={"PATH": f"{tmp_path}:/usr/bin:/bin", "HOME": "/h", "LOG": str(log)},
            input="what the command must not read\n",
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert (done.stdout, done.returncode) == (out, code), done.stderr
    assert (log.read_text() if sudo else "") == "-n bash -s\n" * 2 * sudo


@pytest.mark.parametrize("preview", [False, True])
def test_secret_output_is_neither_logged_nor_shown(preview: bool) -> None:
    found = command(preview, secret_output=True)
    assert set(found.secret_outputs) >= {"stdout", "stderr"}
    assert found.inputs["logging"] == "none"
    assert "stdout" not in command(preview).secret_outputs
