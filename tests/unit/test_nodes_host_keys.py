"""Derived SSH host keys: the same for the same seed, readable by OpenSSH, and a seed that is kept."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pulumi
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_private_key

from fjordkube.nodes import host_keys

SEED = "a seed that is used by tests alone, 43 letters"
OTHER = "another seed that is used by tests alone, 48"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("FJORDKUBE_HOME", str(tmp_path / "home"))
    pulumi.runtime.set_all_config({}, [])
    yield tmp_path / "home"
    pulumi.runtime.set_all_config({}, [])


def test_a_key_is_the_same_text_every_time_and_its_own_for_every_seed_stack_and_node() -> None:
    key = host_keys.derive(SEED, "production", "w1")
    assert host_keys.derive(SEED, "production", "w1") == key
    others = {
        host_keys.derive(*of).public
        for of in ((OTHER, "production", "w1"), (SEED, "staging", "w1"), (SEED, "production", "w2"))
    }
    assert len(others | {key.public}) == 4


def test_a_derived_key_never_changes_between_versions() -> None:
    """Living machines have these keys: another derivation would lock everybody out."""
    line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI"
    assert host_keys.derive(SEED, "production", "w1").public.startswith(line)
    assert host_keys.derive(SEED, "production", "w1").public == PINNED


PINNED = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICeHMUpyZKH559giSk4RYyRCSBJGCdbe7Pue/C/eEWsb"


def test_private_and_public_halves_belong_together_as_cryptography_reads_them() -> None:
    key = host_keys.derive(SEED, "production", "cp1")
    loaded = load_ssh_private_key(key.private.encode(), password=None)
    assert loaded.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode() == key.public
    assert base64.b64decode(key.public.split()[1])[4:15] == b"ssh-ed25519"


@pytest.mark.parametrize("node", ["w1", "a-node-with-a-much-longer-name-1"])
def test_openssh_reads_the_private_key_and_finds_the_same_public_line(tmp_path: Path, node: str) -> None:
    key = host_keys.derive(SEED, "production", node)
    file = tmp_path / "key"
    file.touch(mode=0o600)
    file.write_text(key.private)
    words = ["ssh-keygen", "-y", "-f", str(file)]
    said = subprocess.run(words, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL).stdout
    assert said.split()[:2] == key.public.split()


def test_the_private_key_is_in_no_repr() -> None:
    key = host_keys.derive(SEED, "production", "w1")
    assert "PRIVATE" not in repr(key)
    assert key.private.splitlines()[1] not in repr(key)
