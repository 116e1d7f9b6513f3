"""The backend that is used: the checkout's own for source local alone, and the one that a stack file declares."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from commands import backend, engine
from fjordkube.errors import FjordkubeError, SettingsError
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


# --- What Pulumi itself would take -----------------------------------------------------------------------------------

SERVICE = "https://api.example.no"


def login(folder: Path, current: Any) -> dict[str, str]:
    """An environment whose user has logged in."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "credentials.json").write_text(json.dumps({"current": current, "accessTokens": {SERVICE: "hush"}}))
    return {"PULUMI_HOME": str(folder)}


def test_variable_comes_before_the_login(tmp_path: Path) -> None:
    environment = login(tmp_path, "s3://ours")
    assert backend.chosen(environment).url == "s3://ours"
    assert backend.chosen({**environment, "PULUMI_BACKEND_URL": "s3://other"}).url == "s3://other"
    assert backend.chosen({**environment, "PULUMI_BACKEND_URL": ""}).url == "s3://ours"


def test_login_is_looked_up_in_the_users_home(tmp_path: Path) -> None:
    login(tmp_path / ".pulumi", "file://~")
    assert backend.chosen({"HOME": str(tmp_path)}) == backend.Place(
        "file://~", variables={"PULUMI_BACKEND_URL": "file://~"}
    )


def test_login_to_a_service_brings_its_token_by_the_folder(tmp_path: Path) -> None:
    place = backend.chosen(login(tmp_path, SERVICE))
    assert place.variables == {"PULUMI_BACKEND_URL": SERVICE, "PULUMI_CREDENTIALS_PATH": str(tmp_path)}


@pytest.mark.parametrize("content", [None, "", "no json", "[]", "{}", '{"current": ""}'])
def test_nobody_has_chosen(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "credentials.json").write_text(content)
    assert backend.chosen({"PULUMI_HOME": str(tmp_path)}) == backend.Place()


def test_stack_of_another_source_compares_with_the_login(tmp_path: Path) -> None:
    settings = load(
        {
            "data": {"state": {"url": "s3://fjord-state"}},
            "nodes": {"source": "upcloud", "ssh_key_file": "k", "control_planes": ["cp1"], "workers": ["w1"]},
            "firewall": {"admin_cidrs": ["203.0.113.0/24"]},
        }
    )
    backend.check(settings, login(tmp_path / "a", "s3://fjord-state"))
    backend.check(settings, {"PULUMI_HOME": str(tmp_path / "nobody")})  # a preview needs none
    with pytest.raises(SettingsError, match="the backend in use is s3://other"):
        backend.check(settings, login(tmp_path / "b", "s3://other"))


def lacking(place: backend.Place, content: dict[str, str], **environment: str) -> str:
    try:
        backend.require("edge", place, content, environment)
    except FjordkubeError as error:
        return str(error)
    return ""


def test_nothing_is_changed_without_a_backend() -> None:
    assert lacking(backend.Place(), {}) == (
        "state: no backend is chosen for stack edge; run pulumi login, or set PULUMI_BACKEND_URL (docs/environments.md)"
    )
    assert lacking(backend.OF_CHECKOUT, {}) == ""


BUCKET = backend.Place("s3://fjord-state")


@pytest.mark.parametrize(
    ("place", "content", "needed"),
    [
        (BUCKET, {}, True),
        (BUCKET, {"secretsprovider": "passphrase"}, True),
        (BUCKET, {"secretsprovider": "awskms://alias/fjord"}, False),
        (backend.Place(SERVICE), {}, False),
        (backend.Place(SERVICE), {"encryptionsalt": "v1:a"}, True),
        (backend.Place(SERVICE), {"secretsprovider": "passphrase"}, True),
    ],
)
def test_passphrase_is_asked_for_where_secrets_need_one(
    place: backend.Place, content: dict[str, str], needed: bool
) -> None:
    wanted = (
        "passphrase: none is set, and the secrets of stack edge need one; "
        "set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE"
    )
    assert lacking(place, content) == (wanted if needed else "")
    assert lacking(place, content, PULUMI_CONFIG_PASSPHRASE="") == ""
    assert lacking(place, content, PULUMI_CONFIG_PASSPHRASE_FILE="/run/passphrase") == ""


def test_engine_of_a_stack_that_is_not_local_has_no_default_of_this_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FJORDKUBE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path))
    monkeypatch.setattr(engine, "binary", lambda: tmp_path / "pulumi")
    for name in (backend.VARIABLE, *backend.PASSPHRASE):
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / "Pulumi.edge.yaml"
    file.write_text("config:\n  fjordkube:stack: {nodes: {source: existing}}\n")
    made = engine.Engine.of("edge", file)
    assert made.config_file == file
    found = engine.environment(made.place)
    assert not {backend.VARIABLE, *backend.PASSPHRASE} & set(found)
    assert not (tmp_path / "home" / "passphrase").exists()
    file.write_text("config:\n  fjordkube:stack: {}\n")
    made = engine.Engine.of("edge", file)
    assert made.config_file == tmp_path / "home" / "stacks" / "Pulumi.edge.yaml"
    found = engine.environment(made.place)
    assert found[backend.VARIABLE] == f"file://{tmp_path}/home/state"
    assert found["PULUMI_CONFIG_PASSPHRASE_FILE"] == str(tmp_path / "home" / "passphrase")
