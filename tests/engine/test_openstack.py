"""Source openstack under the real engine with OpenStack's real SDK, by the stand-in that only previews."""

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
from offline import binaries
from offline.plugins import installation
from tests.conformance.engine import Stack
from tests.engine.command import Commands

INSTANCE, PORT = "openstack:compute/instance:Instance", "openstack:networking/port:Port"
GROUPS_OF_PORT = "openstack:networking/portSecGroupAssociate:PortSecGroupAssociate"
NETWORK, FLOATING = "openstack:networking/network:Network", "openstack:networking/floatingIp:FloatingIp"
OWN: dict[str, Any] = {
    "cloud": "other",
    "zone": "no-osl1",
    "region": "RegionOne",
    "image": "11111111-1111-4111-8111-111111111111",
    "control_plane_flavor": "m1.large",
    "worker_flavor": "m1.large",
    "floating_ip_pool": "public",
    "external_network": "22222222-2222-4222-8222-222222222222",
    "etcd_volume_type": "fast",
}
"""A cloud whose projects have networks of their own."""


@pytest.fixture
def key(tmp_path: Path) -> str:
    """A login key that is there."""
    file = tmp_path / "id_ed25519"
    file.touch(mode=0o600)
    file.write_text(host_keys.derive("a seed that is used by tests alone, 43 letters", "login", "nobody").private)
    return str(file)


@pytest.fixture
def own(key: str) -> dict[str, Any]:
    """Settings of a stack in such a cloud."""
    nodes = {"source": "openstack", **OWN, "ssh_key_file": key, "control_planes": ["cp1"], "workers": ["w1", "w2"]}
    return {"nodes": nodes, "firewall": {"admin_cidrs": ["203.0.113.0/24"]}}


def example(name: str, key: str) -> dict[str, Any]:
    """The settings of an example stack, with a key that is there."""
    content = yaml.safe_load((CHECKOUT / "stacks" / f"Pulumi.{name}.yaml").read_text())
    settings: dict[str, Any] = content["config"]["fjordkube:stack"]
    settings["nodes"]["ssh_key_file"] = key
    return settings


def counted(text: str) -> Counter[str]:
    """How often each resource type is to be created, as the engine's own lines say."""
    return Counter(re.findall(r"\+ +(openstack:\S+): \(create\)", text))


@pytest.mark.parametrize("name", ["nrec", "safespring"])
def test_an_example_previews_every_instance_and_no_secret_in_the_clear(name: str, commands: Commands, key: str) -> None:
    commands.write(example(name, key))
    done = commands.run("preview")
    assert done.code == 0, done.text
    kinds = counted(done.text)
    assert (kinds[INSTANCE], kinds[GROUPS_OF_PORT], kinds[PORT], kinds[NETWORK]) == (5, 5, 0, 0), done.text
    for node in ("cp1", "cp2", "cp3", "w1", "w2"):
        assert f"nodes-{node}" in done.text
    assert re.search(r'vxlanMode"? *: "Always"', done.text)
    private = Path(key).read_text()
    for secret in ("PRIVATE KEY", *private.splitlines()[1:-1], "ssh_keys"):
        assert secret not in done.text


def test_a_cloud_with_networks_of_ones_own_previews_ports_that_let_pods_and_services_pass(
    commands: Commands, own: dict[str, Any]
) -> None:
    commands.write(own)
    done = commands.run("preview")
    assert done.code == 0, done.text
    kinds = counted(done.text)
    assert (kinds[INSTANCE], kinds[PORT], kinds[NETWORK], kinds[FLOATING]) == (3, 3, 1, 3), done.text
    for passed in ("10.244.0.0/16", "10.96.0.0/12"):
        assert len(re.findall(rf'ipAddress"? *: "{passed}"', done.text)) == 3
    assert re.search(r'volumeType"? *: "fast"', done.text)


def test_up_without_openstacks_plugin_says_what_to_install(commands: Commands, own: dict[str, Any]) -> None:
    commands.write(own)
    done = commands.run("up")
    assert done.code != 0
    assert "fjordkube's stand-in for openstack only previews; install Pulumi with its plugins" in done.text


def test_everything_that_is_wrong_is_refused_at_once(commands: Commands, own: dict[str, Any]) -> None:
    own["nodes"] |= {"zone": "se-sto1", "public_network": "ext-net", "image": "debian-13"}
    del own["nodes"]["worker_flavor"]
    commands.write(own)
    done = commands.run("preview")
    assert done.code == 1
    for words in (
        "nodes.zone: se-sto1 is in SE, not in Norway",
        "nodes.floating_ip_pool: is given beside nodes.public_network",
        "nodes.image: is a name, and instances with volumes",
        "nodes.worker_flavor: is missing, and w1 names no flavor",
    ):
        assert words in done.text, done.text


# --- A stack that pretends to exist ----------------------------------------------------------------------------------

PROGRAM = f"""
    import json, sys

    sys.path.insert(0, {str(CHECKOUT)!r})
    import pulumi
    from fjordkube.nodes.openstack import source
    from fjordkube.settings import load

    for node in source.provide(load(json.loads(%r)), None, "test").nodes:
        pulumi.export(f"{{node.name}}-zone", node.zone)
        pulumi.export(f"{{node.name}}-host", node.public_address)
"""


@pytest.fixture
def living(commands: Commands, tmp_path: Path) -> Callable[..., Stack]:
    """Instances of those settings in a state, which the pretending provider says it has made."""
    pulumi = binaries.path("pulumi")

    def make(settings: dict[str, Any], answered: dict[str, Any]) -> Stack:
        plugins, canned = tmp_path / "plugins", tmp_path / "canned.json"
        login = Path(settings["nodes"]["ssh_key_file"]).read_text()
        canned.write_text(json.dumps({FLOATING: {"address": "198.51.100.7"}, **answered, **answers.secrets(login)}))
        stack = Stack(tmp_path / "stack", installation.install_pretending(pulumi, tmp_path / "bin", plugins), plugins)
        stack.environment |= {"FJORDKUBE_PRETEND": str(canned), "FJORDKUBE_HOME": str(commands.home)}
        change(stack, settings)
        stack.up()
        return stack

    return make


def change(stack: Stack, settings: dict[str, Any]) -> None:
    stack.program(PROGRAM % json.dumps(settings))


def test_the_second_of_five_workers_goes_and_no_other_nodes_resource_is_touched(
    living: Callable[..., Stack], own: dict[str, Any]
) -> None:
    own["nodes"]["workers"] = ["w1", "w2", "w3", "w4", "w5"]
    stack = living(own, {})
    assert "PRIVATE KEY" not in stack.state()
    assert stack.preview().changes() == {}
    own["nodes"]["workers"] = ["w5", "w1", "w3", "w4"]
    change(stack, own)
    gone = {name: ["delete"] for name in ("nodes-w2", "nodes-w2-port", "nodes-w2-ip")}
    assert stack.preview().changes() == gone


def test_a_pool_shrinks_at_its_highest_number(living: Callable[..., Stack], own: dict[str, Any]) -> None:
    pool = {"name": "web", "count": 3, "first_address": "10.2.0.120"}
    own["nodes"]["pools"] = [pool]
    stack = living(own, {})
    pool["count"] = 2
    change(stack, own)
    assert set(stack.preview().changes()) == {"nodes-web3", "nodes-web3-port", "nodes-web3-ip"}


def test_another_key_is_no_change_of_a_living_instance_and_another_image_makes_each_anew_with_its_port_kept(
    living: Callable[..., Stack], own: dict[str, Any]
) -> None:
    stack = living(own, {})
    assert stack.preview().changes() == {}
    Path(own["nodes"]["ssh_key_file"]).write_text(host_keys.derive("x" * 32, "login", "another").private)
    assert not {"nodes-cp1", "nodes-w1", "nodes-w2"} & set(stack.preview().changes())
    own["nodes"]["image"] = "33333333-3333-4333-8333-333333333333"
    change(stack, own)
    changes = stack.preview().changes()
    assert {name for name, ops in changes.items() if "replace" in ops} >= {"nodes-cp1", "nodes-w1", "nodes-w2"}
    assert not any(name.endswith("-port") for name in changes)


def test_what_the_cloud_returned_is_the_nodes_zone_and_address(
    living: Callable[..., Stack], own: dict[str, Any]
) -> None:
    outputs = living(own, {INSTANCE: {"region": "RegionTwo", "availabilityZone": "nova"}}).outputs()
    assert outputs["w1-zone"] == "RegionTwo"
    assert outputs["w1-host"] == "198.51.100.7"
