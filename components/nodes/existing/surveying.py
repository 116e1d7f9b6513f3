"""The survey without an engine: asks hosts what they are, as `up` does, and changes nothing.

Owns running the helper beside this program. Leaves what is asked to question.py, and bounds to helpers/survey/.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from fjordkube.errors import MachineError
from fjordkube.helpers import launcher
from fjordkube.nodes import ssh_key
from fjordkube.nodes.existing import question
from fjordkube.nodes.existing.pins import pins
from fjordkube.nodes.existing.source import nodes_of
from fjordkube.roots import CHECKOUT
from fjordkube.settings import Stack


def ask(settings: Stack, stack: str, images: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Facts by host. MachineError: every problem of every host. Private keys and pins must have passed `check`."""
    nodes = nodes_of(settings)
    bastion = nodes.ssh.bastion
    bastion_key = ssh_key.private(bastion.key_file) if bastion and bastion.key_file else None
    keys = pins(nodes, stack).keys
    asked = question.environment(nodes, settings, images)
    asked["FJORDKUBE_NODES"] = question.entrances(nodes, keys, ssh_key.private(nodes.ssh.key_file), bastion_key)
    # by the environment, like the engine does: keys are in no argument
    done = subprocess.run(
        ["/bin/sh", "-c", launcher.command("survey")],
        env={**os.environ, "FJORDKUBE_PYTHON": sys.executable, **asked},
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise MachineError(done.stderr.partition("error: ")[2].strip() or done.stderr.strip())
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)["hosts"]
    return found
