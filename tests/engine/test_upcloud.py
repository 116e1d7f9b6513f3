"""Source upcloud under the real engine with UpCloud's real SDK, by the stand-in that only previews."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench import answers
from fjordkube.nodes import host_keys
from fjordkube.roots import CHECKOUT
from fjordkube.settings import secrets
from offline import binaries
from offline.plugins import installation
from tests.conformance.engine import Stack
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
    private = Path(example["nodes"]["ssh_key_file"]).read_text()
    for secret in ("PRIVATE KEY", *private.splitlines()[1:-1], "ssh_keys"):
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


# --- A stack that pretends to exist ----------------------------------------------------------------------------------

PROGRAM = f"""
    import json, sys

    sys.path.insert(0, {str(CHECKOUT)!r})
    from fjordkube.nodes.upcloud import source
    from fjordkube.settings import load

    source.provide(load(json.loads(%r)), None, "test")
"""


@pytest.fixture
def living(commands: Commands, example: dict[str, Any], tmp_path: Path) -> Callable[[dict[str, Any]], Stack]:
    """Servers of those settings in a state, which the pretending provider says it has made."""
    pulumi = binaries.path("pulumi")

    def make(settings: dict[str, Any]) -> Stack:
        plugins, canned = tmp_path / "plugins", tmp_path / "canned.json"
        nics = [{"type": "public", "ipAddress": "198.51.100.7"}, {"type": "private", "ipAddress": "10.1.0.0"}]
        login = Path(settings["nodes"]["ssh_key_file"]).read_text()
        canned.write_text(json.dumps({SERVER: {"networkInterfaces": nics}, **answers.secrets(login)}))
        stack = Stack(tmp_path / "stack", installation.install_pretending(pulumi, tmp_path / "bin", plugins), plugins)
        stack.environment |= {"FJORDKUBE_PRETEND": str(canned), "FJORDKUBE_HOME": str(commands.home)}
        change(stack, settings)
        stack.up()
        return stack

    return make


def change(stack: Stack, settings: dict[str, Any]) -> None:
    stack.program(PROGRAM % json.dumps(settings))


def test_another_key_is_no_change_of_a_living_server_and_another_image_makes_it_anew_with_its_disk(
    living: Callable[[dict[str, Any]], Stack], example: dict[str, Any]
) -> None:
    example["nodes"] |= {"control_planes": ["cp1"], "workers": ["w1"]}
    stack = living(example)
    assert stack.preview().changes() == {}
    assert "PRIVATE KEY" not in stack.state()
    Path(example["nodes"]["ssh_key_file"]).write_text(host_keys.derive("x" * 32, "login", "another").private)
    assert stack.preview().changes() == {"nodes-key": ["update"]}
    example["nodes"]["template"] = "another image"
    change(stack, example)
    changes = stack.preview().changes()
    assert {name for name, ops in changes.items() if "replace" in ops} >= {"nodes-cp1", "nodes-cp1-etcd", "nodes-w1"}
    assert "nodes-network" not in changes


def test_the_second_of_five_workers_goes_and_no_other_nodes_resource_is_touched(
    living: Callable[[dict[str, Any]], Stack], example: dict[str, Any]
) -> None:
    example["nodes"] |= {"control_planes": ["cp1"], "workers": ["w1", "w2", "w3", "w4", "w5"]}
    stack = living(example)
    example["nodes"]["workers"] = ["w5", "w1", "w3", "w4"]
    change(stack, example)
    assert stack.preview().changes() == {"nodes-w2": ["delete"], "nodes-w2-firewall": ["delete"]}


def test_a_key_in_the_stacks_configuration_is_used_where_it_is_secret_and_refused_where_it_is_not(
    living: Callable[[dict[str, Any]], Stack], example: dict[str, Any]
) -> None:
    example["nodes"] |= {"control_planes": ["cp1"], "workers": ["w1"]}
    stack, file = living(example), Path(example["nodes"]["ssh_key_file"])
    private = file.read_text()
    file.unlink()
    assert stack.preview().changes() == {}, "a preview needs no key"
    stack.configure(secrets.SSH_KEY, private, secret=True)
    assert stack.preview().changes() == {}
    stack.configure(secrets.SSH_KEY, private)
    refused = stack.preview(fails=True).output
    assert "fjordkube:sshPrivateKey: lies open in the stack file" in refused
    assert private.splitlines()[1] not in refused
