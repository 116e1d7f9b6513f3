"""`doctor` on a stack that lives: when there is a cluster, its table, its JSON and its exit status."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from commands import doctor, living, state
from commands.engine import Engine
from commands.living import Cluster, find, look
from fjordkube.errors import FjordkubeError
from fjordkube.helpers import launcher
from fjordkube.helpers.errors import HelperError
from tests.unit import test_health, test_machines
from tests.unit.test_health import NAMES, NOW

VENDOR = "config:\n  fjordkube:stack:\n    nodes: {source: vendor_cli}\n"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FJORDKUBE_HOME", str(tmp_path))
    for name in ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("time.time", lambda: NOW)
    return tmp_path


def cluster() -> Cluster:
    entry = {"name": "cp1", "host": "h", "port": 22, "user": "root", "key": "PRIVATE KEY", "host_key": "k"}
    return Cluster("prod", [entry], local=False)


def answering(monkeypatch: pytest.MonkeyPatch, **changed: dict[str, Any]) -> list[Mapping[str, str]]:
    """Nodes that answer as those of test_health; what the helper was given."""
    given: list[Mapping[str, str]] = []
    facts = {name: test_health.facts(name, **changed.get(name, {})) for name in NAMES}

    def run(verb: str, environment: Mapping[str, str]) -> dict[str, Any]:
        assert verb == "health"
        given.append(environment)
        return {"nodes": {n: {"facts": a.facts, "begun": a.begun, "ended": a.ended} for n, a in facts.items()}}

    monkeypatch.setattr(launcher, "run", run)
    return given


@pytest.mark.parametrize(
    ("changes", "status", "word"),
    [
        ({}, 0, "ok"),
        ({"ipvs": "yes"}, 0, "note"),
        ({"synchronised": "no"}, 3, "soon"),
        ({"disk": "/ / 1000 10 500 400"}, 1, "now"),
    ],
)
def test_the_exit_status_is_that_of_the_worst_row(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    home: Path,
    changes: dict[str, Any],
    status: int,
    word: str,
) -> None:
    given = answering(monkeypatch, w1=changes)
    assert look(cluster()) == status
    text = capsys.readouterr().out
    written = home / "report" / "prod-doctor.json"
    assert text.splitlines()[1].split() == ["thing", "node", "state", "figure", "fix"]
    assert re.search(rf"^3 nodes asked in \d+\.\d s: {word}; ", text, re.MULTILINE)
    assert str(written) in text
    told = json.loads(written.read_text())
    assert (told["stack"], told["at"], told["state"]) == ("prod", "2026-11-28T12:00:00+00:00", word)
    assert {"thing": "nodes", "node": "", "state": "ok", "figure": "3 of 3 Ready", "fix": ""} in told["rows"]
    assert told["nodes"]["cp1"]["certificate_days"] == {"/etc/kubernetes/pki/apiserver.crt": 350}
    assert "PRIVATE KEY" in given[0]["FJORDKUBE_NODES"]
    assert "PRIVATE KEY" not in text + written.read_text()


def test_a_helper_that_fails_is_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_verb: str, _environment: Mapping[str, str]) -> dict[str, Any]:
        raise HelperError("ssh: not found; install it")

    monkeypatch.setattr(launcher, "run", fail)
    with pytest.raises(FjordkubeError, match="ssh: not found; install it"):
        look(cluster())


def local_state(home: Path, resources: list[dict[str, Any]]) -> Path:
    folder = home / "state" / ".pulumi" / "stacks" / "fjordkube"
    folder.mkdir(parents=True)
    (folder / "prod.json").write_text(json.dumps({"checkpoint": {"latest": {"resources": resources}}}))
    file = home / "Pulumi.prod.yaml"
    file.write_text("config:\n  fjordkube:stack: {}\n")
    return file


def test_a_stack_without_machines_costs_no_start_of_the_engine(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Engine, "call", lambda *_, **__: pytest.fail("the engine was started"))
    assert find("prod", local_state(home, [test_machines.CLUSTER_ITSELF])) is None


def test_machines_come_from_the_state_whatever_the_settings_say_now(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = local_state(home, [])
    resources = [test_machines.CLUSTER_ITSELF, *test_machines.prepared("old", test_machines.connection("10.0.0.9"))]
    resources.append({"inputs": {"environment": {state.COMPUTER: "abc"}}})
    monkeypatch.setattr(state, "resources", lambda _stack: resources)
    monkeypatch.setattr(living, "engine_there", lambda: True)
    monkeypatch.setattr(Engine, "exists", lambda _: True)
    monkeypatch.setattr(Engine, "resources", lambda _, secrets_shown: resources if secrets_shown else [])
    found = find("prod", file)
    assert found is not None
    assert found.local
    assert [(entry["name"], entry["host"]) for entry in found.entrances] == [("old", "10.0.0.9")]


def test_a_stack_that_nobody_has_made_yet_is_not_looked_at(home: Path) -> None:
    file = home / "Pulumi.prod.yaml"
    file.write_text(VENDOR)
    monkey = pytest.MonkeyPatch()
    with monkey.context() as patch:
        patch.setenv("PULUMI_HOME", str(home))
        with pytest.raises(living.NotLookedAt, match="no backend is chosen"):
            find("prod", file)
        file.write_text(f"{VENDOR}encryptionsalt: v1:abc\n")
        with pytest.raises(FjordkubeError, match="no backend is chosen") as error:
            find("prod", file)
        assert not isinstance(error.value, living.NotLookedAt)


def test_doctor_ends_as_the_cluster_is(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def nothing(*_: Any) -> float:
        return 0.0

    file = local_state(home, [])
    monkeypatch.setattr(doctor, "_local", nothing)
    monkeypatch.setattr(doctor, "_machines", lambda *_: "tcg")
    monkeypatch.setattr("commands.doctor.nodes_source.find", lambda _: argparse.Namespace(check=lambda *_, **__: None))
    monkeypatch.setattr(living, "find", lambda *_: cluster())
    arguments = argparse.Namespace(stack="prod", settings=file)
    for status in (0, 3):
        monkeypatch.setattr(living, "look", lambda _, status=status: status)
        assert doctor.run(arguments) == status

    def unreadable(*_: Any) -> Cluster:
        raise FjordkubeError("state: the backend does not tell stack prod: no key")

    monkeypatch.setattr(living, "find", unreadable)
    assert doctor.run(arguments) == 1
    assert "does not tell stack prod" in capsys.readouterr().out

    def not_yet(*_: Any) -> Cluster:
        raise living.NotLookedAt("state: no backend is chosen")

    monkeypatch.setattr(living, "find", not_yet)
    assert doctor.run(arguments) == 0
    assert "cluster    not looked at: state: no backend is chosen" in capsys.readouterr().out
