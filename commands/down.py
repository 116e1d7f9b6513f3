"""`down`: deletes the stack's machines and everything on them, then the stack's own record.

Of a stack that is not `local`, somebody has to type its name first.
"""

from __future__ import annotations

import argparse

from commands import consent, kubeconfig
from commands.console import say
from commands.engine import Engine
from commands.preparation import machines_here
from fjordkube.nodes.local import lock


def run(arguments: argparse.Namespace) -> int:
    """0 when nothing is left; else the engine's code. Does nothing where there is no such stack."""
    stack = arguments.stack
    with lock.hold(stack, wait=True, say=say):
        engine = Engine.of(stack, arguments.settings)
        engine.require()
        if not engine.exists():
            say(f"stack {stack}: not there, nothing to delete")
            return 0
        if engine.place.of_checkout:
            machines_here(engine)
        else:
            consent.deletion(stack)
        engine.unlock()
        # --continue-on-error: a machine that is dead already must not keep the others
        done = engine.on_stack("destroy", "--yes", "--skip-preview", "--continue-on-error")
        if done.returncode:
            return done.returncode
        engine.forget()
        kubeconfig.place(stack).unlink(missing_ok=True)
        say(f"stack {stack}: deleted; programs and images stay in the cache")
    return 0
