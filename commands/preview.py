"""`preview`: what `up` would change. Needs no cluster, and connects to none.

Owns on which state a plan is made: the stack's own, or an empty one that is thrown away, where nobody has chosen a
backend or the stack is not in it yet. A preview creates no stack, but for source `local`, whose state is this
checkout's.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager

from commands.console import say
from commands.engine import Engine
from commands.preparation import prepare
from fjordkube.nodes.local import lock


def run(arguments: argparse.Namespace) -> int:
    """The engine's code."""
    with lock.hold(arguments.stack, wait=True):
        prepared = prepare(arguments.stack, arguments.settings, changes=False)
        with planning(prepared.engine) as engine:
            engine.unlock()
            return engine.on_stack("preview", "--diff").returncode


@contextmanager
def planning(engine: Engine) -> Iterator[Engine]:
    """The engine to preview with. FjordkubeError where the backend does not answer or a passphrase is missing."""
    if engine.place.of_checkout:
        yield engine
        return
    if engine.place.url is not None and engine.exists():
        engine.require()
        yield engine
        return
    why = "no backend was chosen" if engine.place.url is None else "it is not in the backend yet"
    say(f"stack {engine.stack} is previewed as a new one, on an empty state that is not kept: {why}")
    with engine.empty() as new:
        yield new
