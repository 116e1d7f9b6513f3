"""`preview`: what `up` would change. Needs no cluster, and connects to none."""

from __future__ import annotations

import argparse

from commands.preparation import prepare
from fjordkube.nodes.local import lock


def run(arguments: argparse.Namespace) -> int:
    """The engine's code."""
    with lock.hold(arguments.stack, wait=True):
        engine = prepare(arguments.stack, arguments.settings).engine
        engine.unlock()
        return engine.on_stack("preview", "--diff").returncode
