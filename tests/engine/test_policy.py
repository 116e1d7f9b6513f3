"""The policy pack under the real engine: a stack that breaks a rule is refused in the preview, by the rule's name."""

from __future__ import annotations

import dataclasses
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.engine.command import Commands

ADMINS = ["203.0.113.0/24"]


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return path


def production(commands: Commands) -> Commands:
    return dataclasses.replace(commands, stack="prod")


def upcloud(key: Path, admins: list[str], **nodes: Any) -> dict[str, Any]:
    source = {"source": "upcloud", "ssh_key_file": str(key), "control_planes": ["cp1"], "workers": ["w1"]}
    return {"nodes": {**source, **nodes}, "firewall": {"admin_cidrs": admins}}


def test_a_wider_residency_is_refused_in_production_and_loud_elsewhere(commands: Commands) -> None:
    commands.write({"residency": "eea"})
    done = commands.run("preview")
    assert done.code == 0, done.text
    assert "warning: residency: eea lets nodes and data be in the European Economic Area" in done.text
    assert 'wanted: "eea"' in done.text
    done = production(commands).run("preview")
    assert done.code != 0, done.text
    assert "residency-in-production" in done.text
    assert "the stack says residency: eea; remove it from the stack file" in done.text


def test_up_is_refused_before_a_machine_is_made(commands: Commands) -> None:
    commands.write({"residency": "any"})
    done = production(commands).run("up")
    assert done.code != 0, done.text
    assert "error: residency: policy residency-in-production" in done.text
    assert not (commands.home / "vm").exists()


def test_a_port_that_is_open_to_everybody_is_refused_in_any_stack(commands: Commands, key: Path) -> None:
    commands.write(upcloud(key, ["0.0.0.0/0"]))
    done = commands.run("preview")
    assert done.code != 0, done.text
    assert "no-public-ports" in done.text
    assert "port 22 (SSH) is open to 0.0.0.0/0" in done.text


def test_a_stack_that_keeps_every_rule_passes_and_the_pack_is_named(commands: Commands, key: Path) -> None:
    commands.write(upcloud(key, ADMINS, protect=True))
    done = production(commands).run("preview")
    assert done.code == 0, done.text
    assert "Policy Packs run" in done.text
    assert "0.1.0" in done.text


def test_what_is_not_protected_or_not_encrypted_is_refused(commands: Commands, key: Path) -> None:
    commands.write(upcloud(key, ADMINS, encrypt=False))
    done = production(commands).run("preview")
    assert done.code != 0, done.text
    assert "protected-in-production" in done.text
    assert "encrypted-disks" in done.text
    assert "PRIVATE KEY" not in done.text


def test_the_pack_can_be_left_out_and_that_is_said(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    commands.write({"residency": "eea"})
    monkeypatch.setenv("FJORDKUBE_POLICY", "off")
    done = production(commands).run("preview")
    assert done.code == 0, done.text
    assert "no policy pack: FJORDKUBE_POLICY is off" in done.text
    monkeypatch.setenv("FJORDKUBE_POLICY", "no")
    done = production(commands).run("preview")
    assert done.code == 1
    assert "FJORDKUBE_POLICY: 'no'; use on or off" in done.text
