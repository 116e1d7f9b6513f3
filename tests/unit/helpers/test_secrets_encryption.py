"""Encrypting Secrets of a living cluster, against a pretended API and nodes: the order, and what is refused."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from fjordkube.helpers import secrets_encryption, ssh
from fjordkube.helpers.errors import HelperError
from fjordkube.helpers.secrets_encryption import Keyring

CLEAR = Keyring({}, False).text()


@dataclass
class Cluster:
    """Control planes with their files, and an API that notes what it is asked."""

    files: dict[str, str]
    told: list[tuple[str, str]] = field(default_factory=list)
    """Node and file in the order of writing; "API" and path of what was written anew."""
    answers: list[int] = field(default_factory=list)
    pages: int = 1

    def run(self, command: list[str], _script: str, values: Mapping[str, str], node: str) -> dict[str, Any]:
        assert values.get("ENCRYPTION", "no secret") not in " ".join(command)
        if values["ACTION"] == "show":
            return {"encryption": base64.b64encode(self.files[node].encode()).decode()}
        self.files[node] = base64.b64decode(values["ENCRYPTION"]).decode()
        self.told.append((node, self.files[node]))
        # no other API server has by now written what this one cannot read
        rings = [Keyring.read(text) for text in self.files.values()]
        for ring in rings:
            assert not ring.encrypts or all(next(iter(ring.keys)) in other.keys for other in rings)
        return {"read": True}

    def request(self, method: str, path: str, *_: object, accept: str = "") -> tuple[int, dict[str, Any]]:
        if method == "GET":
            assert "PartialObjectMetadata" in accept
            more = "continue" not in path and self.pages > 1
            items = [{"metadata": {"namespace": "shop", "name": "b" if "continue" in path else "a"}}]
            return 200, {"items": items, "metadata": {"continue": "next"} if more else {}}
        self.told.append(("API", path))
        return (self.answers.pop(0) if self.answers else 200), {"message": "why"}


def encrypt(cluster: Cluster, key: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    monkeypatch.setattr(ssh, "run", cluster.run)
    monkeypatch.setattr(secrets_encryption, "Api", lambda *_: cluster)
    entries = [
        {"name": name, "host": "h", "port": 22, "user": "root", "key": 0, "host_key": "k"} for name in cluster.files
    ]
    env = {
        "FJORDKUBE_SECRETS_KEY": str(key),
        "FJORDKUBE_NODES": json.dumps({"keys": ["K"], "nodes": entries}),
        "FJORDKUBE_SCRIPT": "",
        "FJORDKUBE_KUBECONFIG": "",
    }
    return secrets_encryption.encrypt(env, tmp_path)


def test_a_file_is_read_as_it_was_written() -> None:
    for ring in (Keyring({"key2": "B", "key1": "A"}, True), Keyring({"key1": "A"}, False), Keyring({}, False)):
        assert Keyring.read(ring.text()) == ring
    assert Keyring({"key1": "A"}, True).text().endswith("key1\n        secret: A\n  - identity: {}\n")


def test_everyone_reads_with_a_new_key_before_anyone_writes_with_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cluster = Cluster({"cp1": CLEAR, "cp2": CLEAR, "cp3": CLEAR})
    assert encrypt(cluster, 1, monkeypatch, tmp_path) == {"key": 1, "rewritten": 1}
    steps = [Keyring.read(text).encrypts for node, text in cluster.told if node != "API"]
    assert steps == [False] * 3 + [True] * 3
    assert len(set(cluster.files.values())) == 1
    assert cluster.told[-1] == ("API", "/api/v1/namespaces/shop/secrets/a")
    (secret,) = Keyring.read(cluster.files["cp1"]).keys.values()
    assert len(base64.b64decode(secret)) == 32


def test_a_lone_control_plane_needs_one_step(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cluster = Cluster({"cp1": CLEAR})
    encrypt(cluster, 1, monkeypatch, tmp_path)
    assert [node for node, _ in cluster.told] == ["cp1", "API"]


def test_another_key_writes_and_the_earlier_one_still_reads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text = Keyring({"key1": "A"}, True).text()
    cluster = Cluster({"cp1": text, "cp2": text}, pages=2)
    assert encrypt(cluster, 2, monkeypatch, tmp_path) == {"key": 2, "rewritten": 2}
    assert [list(Keyring.read(text).keys) for text in cluster.files.values()] == [["key2", "key1"]] * 2


def test_a_run_that_was_cut_off_is_gone_on_with(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The first has the new key already, and writes with it: no second one of that name is made."""
    first, second = Keyring({"key2": "B", "key1": "A"}, True), Keyring({"key1": "A", "key2": "B"}, True)
    cluster = Cluster({"cp1": first.text(), "cp2": second.text()})
    encrypt(cluster, 2, monkeypatch, tmp_path)
    assert [Keyring.read(text) for text in cluster.files.values()] == [first] * 2


def test_switched_off_secrets_are_written_in_the_clear_and_the_key_stays(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cluster = Cluster({"cp1": Keyring({"key1": "A"}, True).text()})
    assert encrypt(cluster, 0, monkeypatch, tmp_path) == {"key": 0, "rewritten": 1}
    assert Keyring.read(cluster.files["cp1"]) == Keyring({"key1": "A"}, False)


def test_where_there_never_was_a_key_nothing_is_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cluster = Cluster({"cp1": CLEAR})
    assert encrypt(cluster, 0, monkeypatch, tmp_path) == {"key": 0, "rewritten": 0}
    assert cluster.told == []


def test_two_keys_of_a_name_are_refused_before_anything_is_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cluster = Cluster({"cp1": Keyring({"key1": "A"}, True).text(), "cp2": Keyring({"key1": "B"}, True).text()})
    with pytest.raises(HelperError, match="cp2: its key1 of Secrets is another one"):
        encrypt(cluster, 1, monkeypatch, tmp_path)
    assert cluster.told == []


def test_a_control_plane_without_the_file_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(HelperError, match="cp2: it has no keys of Secrets"):
        encrypt(Cluster({"cp1": CLEAR, "cp2": ""}), 1, monkeypatch, tmp_path)


def test_a_secret_that_went_meanwhile_is_no_failure_and_one_that_is_refused_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert encrypt(Cluster({"cp1": CLEAR}, answers=[404]), 1, monkeypatch, tmp_path)["rewritten"] == 0
    with pytest.raises(HelperError, match="answers 422 to writing /api/v1/namespaces/shop/secrets/a anew: why"):
        encrypt(Cluster({"cp1": CLEAR}, answers=[422]), 1, monkeypatch, tmp_path)


def test_no_key_stands_in_what_python_prints_of_a_keyring() -> None:
    assert "sesame" not in repr(Keyring({"key1": "sesame"}, True))
