"""`up`: settings, machine, build, engine, and at the end what was promised and measured."""

from __future__ import annotations

import argparse

from commands import report
from commands.console import minutes, say, seconds
from commands.preparation import prepare
from commands.progress import Progress
from fjordkube.nodes.local import lock


def run(arguments: argparse.Namespace) -> int:
    """0 when every gate passed; else the engine's code, its words shown."""
    with lock.hold(arguments.stack, wait=True, say=say):
        prepared = prepare(arguments.stack, arguments.settings)
        engine = prepared.engine
        engine.unlock()
        begun = seconds()
        with Progress(engine.log("up")) as progress:
            done = engine.on_stack("up", "--yes", "--skip-preview", *progress.arguments, output=progress.words)
        if done.returncode:
            say(f"up failed after {minutes(seconds() - begun)}; all the engine said is in {progress.words}")
            return done.returncode
        if "pending operations" in progress.words.read_text():
            engine.settle()
        say(f"engine done in {minutes(seconds() - begun)}: {progress.summary()}")
        report.show(prepared, progress.timeline())
    return 0
