"""The preview-only stand-in under the real engine, with the real SDK of UpCloud."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from offline import binaries
from offline.plugins import installation
from tests.conformance.engine import Stack

PROGRAM = """
    import pulumi
    import pulumi_upcloud as upcloud

    network = upcloud.Network(
        "net",
        zone="no-svg1",
        ip_network={"address": "10.0.0.0/24", "dhcp": True, "family": "IPv4"},
    )
    for name in %s:
        server = upcloud.Server(
            name,
            hostname=name,
            zone="no-svg1",
            plan="1xCPU-2GB",
            user_data=pulumi.Output.secret("ssh host key of it"),
            network_interfaces=[{"type": "private", "network": network.id}],
        )
        pulumi.export(name, server.zone)
        pulumi.export(f"{name}-mac", server.network_interfaces.apply(lambda nics: nics[0].mac_address))
"""


@pytest.fixture
def new_stack(tmp_path: Path) -> Callable[..., Stack]:
    pulumi = binaries.path("pulumi")

    def make(install: Callable[[Path, Path, Path], Path], program: str) -> Stack:
        home = tmp_path / "plugins"
        stack = Stack(tmp_path / "stack", install(pulumi, tmp_path / "bin", home), home)
        stack.program(program)
        return stack

    return make


def test_the_engine_previews_a_cloud_that_cannot_be_reached_and_creates_nothing(
    new_stack: Callable[..., Stack],
) -> None:
    stack = new_stack(installation.install, PROGRAM % ["w1", "w2"])
    shown = stack.preview()
    assert shown.changes() == {"net": ["create"], "w1": ["create"], "w2": ["create"]}
    assert "ssh host key" not in shown.output
    refused = stack.up(fails=True)
    assert "fjordkube's stand-in for upcloud only previews" in refused.output
    assert "w1" not in stack.resources()


def test_a_pretended_state_lets_a_preview_show_one_machine_more(
    new_stack: Callable[..., Stack], tmp_path: Path
) -> None:
    nics = [{"macAddress": "00:00:5e:00:53:01", "type": "private", "ipAddressFamily": "IPv4", "network": "n"}]
    canned = tmp_path / "canned.json"
    canned.write_text(json.dumps({"upcloud:index/server:Server": {"networkInterfaces": nics}}))
    stack = new_stack(installation.install_pretending, PROGRAM % ["w1", "w2"])
    stack.environment["FJORDKUBE_PRETEND"] = str(canned)
    made = stack.up()
    assert "NOTHING of upcloud IS REAL" in made.output
    assert stack.outputs()["w1-mac"] == "00:00:5e:00:53:01"
    assert "ssh host key" not in stack.state()
    stack.program(PROGRAM % ["w1", "w2", "w3"])
    assert stack.preview().changes() == {"w3": ["create"]}
    stack.destroy()
    assert "w1" not in stack.resources()
