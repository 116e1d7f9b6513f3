"""The survey without an engine: asks hosts what they are, as `up` does, and changes nothing.

Owns running the relay beside this program. Leaves what is asked to question.py, and bounds to relay/survey/.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from components.errors import MachineError
from components.nodes.existing import question
from components.nodes.existing.pins import pins
from components.nodes.existing.source import nodes_of
from components.relay import starting
from components.settings import Stack


def ask(settings: Stack, stack: str, images: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Facts by host. MachineError: every problem of every host. Private keys and pins must have passed `check`."""
    asked = question.environment(settings, images, pins(nodes_of(settings), stack).keys)
    # by the environment, like the engine does: keys are in no argument
    done = subprocess.run(
        [sys.executable, "-I", str(starting.FOLDER), "survey"],
        env={**os.environ, **asked},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise MachineError(done.stderr.partition("error: ")[2].strip() or done.stderr.strip())
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)["hosts"]
    return found
