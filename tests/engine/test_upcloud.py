"""Source upcloud under the real engine with UpCloud's real SDK, by the stand-in that only previews."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.nodes import host_keys
from components.places import CHECKOUT
from tests.engine.command import Commands

SERVER, STORAGE = "upcloud:index/server:Server", "upcloud:index/storage:Storage"
RULES = "upcloud:index/serverFirewallRules:ServerFirewallRules"


@pytest.fixture
def example(commands: Commands, tmp_path: Path) -> dict[str, Any]:
    """The example stack's settings, with a key that is there."""
    key = tmp_path / "id_ed25519"
    key.touch(mode=0o600)
    key.write_text(host_keys.derive("a seed that is used by tests alone, 43 letters", "login", "nobody").private)
    content = yaml.safe_load((CHECKOUT / "stacks" / "Pulumi.upcloud.yaml").read_text())
    settings: dict[str, Any] = content["config"]["fjordkube:stack"]
    settings["nodes"]["ssh_key_file"] = str(key)
    commands.write(settings)
    return settings


def counted(text: str) -> Counter[str]:
    """How often each resource type is to be created, as the engine's own lines say."""
    return Counter(re.findall(r"\+ +(upcloud:\S+): \(create\)", text))


def test_the_example_previews_every_server_and_no_secret_in_the_clear(
    commands: Commands, example: dict[str, Any]
) -> None:
    done = commands.run("preview")
    assert done.code == 0, done.text
    kinds = counted(done.text)
    assert (kinds[SERVER], kinds[RULES], kinds[STORAGE]) == (6, 6, 3), done.text
    for name in ("cp1", "cp2", "cp3", "w1", "w2", "w3"):
        assert f"nodes-{name}" in done.text
    assert "no-svg1" in done.text
    seed = (commands.home / "host-key-seed").read_text().strip()
    private = host_keys.derive(seed, "test", "w1").private
    for secret in (seed, "PRIVATE KEY", *private.splitlines()[1:-1], "ssh_keys"):
        assert secret not in done.text


def test_one_worker_less_in_the_middle_shows_every_other_servers_name_still(
    commands: Commands, example: dict[str, Any]
) -> None:
    example["nodes"]["workers"] = ["w1", "w3"]
    commands.write(example)
    done = commands.run("preview")
    assert done.code == 0, done.text
    assert counted(done.text)[SERVER] == 5
    assert "nodes-w2" not in done.text


def test_up_without_upclouds_plugin_says_what_to_install(commands: Commands, example: dict[str, Any]) -> None:
    example["nodes"] |= {"control_planes": ["cp1"], "workers": ["w1"]}
    commands.write(example)
    done = commands.run("up")
    assert done.code != 0
    assert "fjordkube's stand-in for upcloud only previews; install Pulumi with its plugins" in done.text


def test_a_foreign_zone_a_small_plan_and_a_key_that_others_read_are_refused(
    commands: Commands, example: dict[str, Any]
) -> None:
    example["nodes"] |= {"zone": "de-fra1", "control_plane_plan": "1xCPU-2GB", "worker_plan": "4xCPU-7GB"}
    commands.write(example)
    done = commands.run("preview")
    assert done.code == 1
    for words in ("nodes.zone: de-fra1 is in Frankfurt", "nodes.control_plane_plan: ", "use 4xCPU-8GB"):
        assert words in done.text, done.text
    example["nodes"] |= {"zone": "no-svg1", "control_plane_plan": "2xCPU-4GB", "worker_plan": "4xCPU-8GB"}
    Path(example["nodes"]["ssh_key_file"]).chmod(0o640)
    commands.write(example)
    done = commands.run("preview")
    assert done.code == 1
    assert "nodes.ssh_key_file: " in done.text
    assert "chmod 600" in done.text
