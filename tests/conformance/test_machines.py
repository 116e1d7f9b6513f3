"""`doctor` on a living stack, from the state that the engine wrote to the facts that a machine told over real SSH."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from commands import machines
from fjordkube.health import question
from fjordkube.helpers import launcher
from fjordkube.roots import CHECKOUT
from tests.conformance.engine import Stack
from tests.conformance.ssh_daemon import SshDaemon
from tests.conformance.test_remote_command import _configured

PROGRAM = f"""
import json, sys, pulumi
sys.path.append({str(CHECKOUT)!r})
from fjordkube.remote import Remote, connection
given, key = json.loads(pulumi.Config().require("sshd")), pulumi.Config().require_secret("key")

class Part(pulumi.ComponentResource):
    def __init__(self, kind, name, parent=None):
        super().__init__(kind, name, None, pulumi.ResourceOptions(parent=parent))

host = Part("fjordkube:host:Host", "north-w1-host", Part("fjordkube:cluster:KubernetesCluster", "north"))
Remote("north-w1-host-prepared", connection=connection("127.0.0.1", given["port"], key, given["host_key"],
       user=given["user"]), create="echo", opts=pulumi.ResourceOptions(parent=host))
"""


def test_a_machine_of_the_state_is_entered_and_asked(
    new_stack: Callable[[str], Stack], sshd: SshDaemon, capfd: pytest.CaptureFixture[str]
) -> None:
    sshd.start()
    stack = _configured(new_stack(PROGRAM), sshd)
    stack.up()
    exported = json.loads(stack.command("stack", "export", "--show-secrets"))
    (entrance,) = machines.entrances(exported["deployment"]["resources"])
    assert (entrance["name"], entrance["port"], entrance["user"]) == ("w1", sshd.port, sshd.user)
    told = launcher.run("health", question.environment([entrance]))
    assert told["nodes"]["w1"]["facts"]["whole"] == ["yes"], told
    assert told["nodes"]["w1"]["facts"]["disk"]
    assert "PRIVATE KEY" not in json.dumps(told) + "".join(capfd.readouterr())
