"""The backend that is used is the one that the stack file declares, if it declares one."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands import backend
from fjordkube.errors import SettingsError
from fjordkube.settings import load
from tests.unit.refusals import at


def refusal(declared: str, used: str) -> str:
    settings = load(at("data.state.url", declared))
    try:
        backend.check(settings, {"PULUMI_BACKEND_URL": used} if used else {})
    except SettingsError as error:
        (line,) = error.problems
        return line
    return ""


@pytest.mark.parametrize(
    ("declared", "used"),
    [
        ("s3://fjord-state", "s3://fjord-state"),
        ("s3://fjord-state", "s3://fjord-state/?region=osl&endpoint=s3.example.no"),
        ("azblob://fjord-state/", "azblob://fjord-state"),
    ],
)
def test_the_declared_backend_passes(declared: str, used: str) -> None:
    assert refusal(declared, used) == ""


def test_another_backend_is_refused_with_both() -> None:
    assert refusal("s3://fjord-state", "s3://other") == (
        "data.state.url: the file says s3://fjord-state, and the backend in use is s3://other; "
        "set PULUMI_BACKEND_URL to the declared one, or declare the one in use"
    )
    assert refusal("s3://fjord", "s3://fjord-state")


def test_a_login_of_the_backend_in_use_is_not_shown() -> None:
    line = refusal("s3://fjord-state", "postgres://me:hush@db.example.no/state")
    assert "one of scheme postgres" in line
    assert "hush" not in line


def test_files_of_the_checkout_are_the_backend_that_nobody_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FJORDKUBE_HOME", str(tmp_path))
    assert refusal(f"file://{tmp_path}/state", "") == ""
    assert f"file://{tmp_path}/state" in refusal("s3://fjord-state", "")
    backend.check(load({}), {"PULUMI_BACKEND_URL": "s3://whatever"})
