"""A key that the user names is refused with state and fix, and none of its text is repeated."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from fjordkube.nodes import ssh_key

Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Makes a key with the system's ssh-keygen."""

    def run(kind: str = "ed25519", form: str = "", passphrase: str = "") -> Path:
        path = tmp_path / f"id_{kind}{form}"
        words = ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", "test", "-f", str(path)]
        subprocess.run(words + (["-m", form] if form else []), check=True)
        return path

    return run


def said(path: Path | str) -> str:
    """The refusal, which must have a state and a fix."""
    problem = ssh_key.problem(str(path))
    assert problem, "nothing was refused"
    assert problem.startswith(str(path))
    state, _, fix = problem.partition("; ")
    assert state
    assert fix
    return problem


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
@pytest.mark.parametrize("form", ["", "PEM", "PKCS8"])
def test_key_of_each_kind_and_form_is_taken_and_its_public_line_derived(make: Make, kind: str, form: str) -> None:
    path = make(kind, form)
    public = path.with_name(path.name + ".pub")
    line = " ".join(public.read_text().split()[:2])
    public.unlink()
    assert ssh_key.problem(str(path)) is None
    assert ssh_key.public_line(path.read_bytes()) == line
    assert ssh_key.private(str(path)) == path.read_text()


def test_tilde_is_this_users_home(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make()
    monkeypatch.setenv("HOME", str(path.parent))
    assert ssh_key.problem(f"~/{path.name}") is None
    assert ssh_key.private(f"~/{path.name}") == path.read_text()


def test_missing_key_names_the_command_that_makes_one(tmp_path: Path) -> None:
    assert "is missing; make one by: ssh-keygen" in said(tmp_path / "nothing")


def test_folder_is_refused(tmp_path: Path) -> None:
    assert "is a folder; name the private key in it" in said(tmp_path)


def test_device_is_refused() -> None:
    assert "is not a file" in said("/dev/null")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_key_that_others_can_read_is_refused_with_chmod(make: Make, mode: int) -> None:
    path = make()
    path.chmod(mode)
    problem = said(path)
    assert f"mode {mode:04o}" in problem
    assert problem.endswith(f"run: chmod 600 {path}")


def test_key_that_this_user_cannot_read_is_refused(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make()
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert "not readable by this user" in said(path)


@pytest.mark.parametrize("form", ["", "PEM", "PKCS8"])
def test_passphrase_is_named_as_unsupported(make: Make, form: str) -> None:
    path = make("ecdsa", form, passphrase="a long secret")
    problem = said(path)
    assert "has a passphrase, which is not supported; name a key without one" in problem
    assert "a long secret" not in problem


def test_public_key_in_place_of_the_private_names_the_private(make: Make) -> None:
    path = make().with_suffix(".pub")
    path.chmod(0o600)
    assert said(path).endswith(f"is a public key; name the private one, {path.with_suffix('')}")


@pytest.mark.parametrize(
    "content", [b"", b"hunter2\n", b"\xff\x00", b"-----BEGIN OPENSSH PRIVATE KEY-----\nhunter2\n", b"hunter2" * 10000]
)
def test_other_content_is_refused_and_not_repeated(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    path.chmod(0o600)
    problem = said(path)
    assert "is not a private key" in problem
    assert "hunter2" not in problem


def test_truncated_key_is_refused(make: Make) -> None:
    path = make()
    path.write_bytes(path.read_bytes()[:200])
    assert "is not a private key that can be used" in said(path)
