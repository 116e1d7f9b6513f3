"""The survey without an engine: asks hosts what they are, as `up` does, and changes nothing.

Leaves running the helper to helpers/launcher.py, what is asked to question.py, and bounds to helpers/survey/.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fjordkube.errors import MachineError
from fjordkube.helpers import launcher
from fjordkube.helpers.errors import HelperError
from fjordkube.nodes import ssh_key
from fjordkube.nodes.existing import question
from fjordkube.nodes.existing.pins import pins
from fjordkube.nodes.existing.source import nodes_of
from fjordkube.settings import Stack


def ask(settings: Stack, stack: str, images: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Facts by host. MachineError: every problem of every host. Private keys and pins must have passed `check`."""
    nodes = nodes_of(settings)
    bastion = nodes.ssh.bastion
    bastion_key = ssh_key.private(bastion.key_file) if bastion and bastion.key_file else None
    keys = pins(nodes, stack).keys
    asked = question.environment(nodes, settings, images)
    asked["FJORDKUBE_NODES"] = question.entrances(nodes, keys, ssh_key.private(nodes.ssh.key_file), bastion_key)
    try:
        found: dict[str, dict[str, Any]] = launcher.run("survey", asked)["hosts"]
    except HelperError as error:
        raise MachineError(str(error)) from None
    return found
