"""Source vendor_cli under the real engine: a preview orders nothing, and the vendor's command is not even started."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from fjordkube.nodes import host_keys
from fjordkube.roots import CHECKOUT
from tests.engine.command import Commands

NAMES = ("cp1", "cp2", "cp3", "w1", "w2", "w3")


@pytest.fixture
def ran(tmp_path: Path) -> Path:
    """The trace that the vendor's command leaves when it is started."""
    return tmp_path / "ran"


@pytest.fixture
def example(commands: Commands, tmp_path: Path, ran: Path) -> dict[str, Any]:
    """The example stack's settings, with a key and a command that are there."""
    key, vendor = tmp_path / "id_ed25519", tmp_path / "vendor"
    key.touch(mode=0o600)
    key.write_text(host_keys.derive("a seed that is used by tests alone, 43 letters", "login", "nobody").private)
    vendor.write_text(f"#!/bin/sh\necho \"$@\" >>'{ran}'\necho 'sold out' >&2\nexit 1\n")
    vendor.chmod(0o755)
    content = yaml.safe_load((CHECKOUT / "stacks" / "Pulumi.vendor.yaml").read_text())
    settings: dict[str, Any] = content["config"]["fjordkube:stack"]
    settings["nodes"] |= {"ssh_key_file": str(key), "command": [str(vendor), "--account", "7"]}
    commands.write(settings)
    return settings


def ordered(text: str) -> set[str]:
    """Names at the vendor of the machines that are to be ordered, as the engine's own lines say."""
    return set(re.findall(r'VENDOR_NAME"?\s*: "([^"]+)"', text))


def test_the_example_previews_every_machine_and_starts_no_command(
    commands: Commands, example: dict[str, Any], ran: Path
) -> None:
    done = commands.run("preview")
    assert done.code == 0, done.text
    assert ordered(done.text) == {f"test-{name}" for name in NAMES}, done.text
    for name in NAMES:
        assert f"nodes-{name}" in done.text
    assert "no-osl1" in done.text
    private = Path(example["nodes"]["ssh_key_file"]).read_text()
    for secret in ("PRIVATE KEY", *private.splitlines()[1:-1]):
        assert secret not in done.text
    assert not ran.exists()


def test_one_worker_less_in_the_middle_orders_the_others_still(
    commands: Commands, example: dict[str, Any], ran: Path
) -> None:
    example["nodes"]["workers"] = ["w1", "w3"]
    commands.write(example)
    done = commands.run("preview")
    assert done.code == 0, done.text
    assert ordered(done.text) == {f"test-{name}" for name in NAMES if name != "w2"}
    assert not ran.exists()


def test_bad_settings_and_then_a_bad_computer_are_refused_at_once(
    commands: Commands, example: dict[str, Any], ran: Path
) -> None:
    example["nodes"] |= {"zone": "se-sto1", "call_seconds": 0}
    commands.write(example)
    done = commands.run("preview")
    assert done.code == 1
    for words in ("nodes.call_seconds: ", "nodes.zone: se-sto1 is in SE, not in Norway"):
        assert words in done.text, done.text
    example["nodes"] |= {"zone": "no-osl1", "call_seconds": 5}
    Path(example["nodes"]["command"][0]).chmod(0o644)
    Path(example["nodes"]["ssh_key_file"]).chmod(0o640)
    commands.write(example)
    done = commands.run("preview")
    assert done.code == 1
    for words in ("nodes.command: ", "chmod +x", "nodes.ssh_key_file: ", "chmod 600"):
        assert words in done.text, done.text
    assert "Traceback" not in done.text
    assert not ran.exists()
    assert not commands.home.exists() or not list(commands.home.rglob("dev.json"))


def test_up_tells_the_vendors_own_words_and_orders_nothing_after_a_failed_list(
    commands: Commands, example: dict[str, Any], ran: Path
) -> None:
    """The trace is really left when the command runs: without this the others could not fail."""
    example["nodes"] |= {"control_planes": ["cp1"], "workers": ["w1"]}
    commands.write(example)
    done = commands.run("up")
    assert done.code != 0
    assert "list: the vendor's command failed (exit status 1): sold out" in done.text, done.text
    assert set(ran.read_text().splitlines()) == {"--account 7 list"}
