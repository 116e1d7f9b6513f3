"""`up`: settings, machine, build, engine, and at the end what was promised and measured.

Of a stack that is not `local`, the plan is shown first and somebody has to agree to it.
"""

from __future__ import annotations

import argparse

from commands import consent, report
from commands.console import minutes, say, seconds
from commands.dangers import dangers
from commands.engine import Engine
from commands.preparation import prepare
from commands.preview import planning
from commands.progress import Plan, Progress
from fjordkube.errors import FjordkubeError
from fjordkube.nodes.local import lock


def run(arguments: argparse.Namespace) -> int:
    """0 when every gate passed; else the engine's code, its words shown."""
    with lock.hold(arguments.stack, wait=True, say=say):
        prepared = prepare(arguments.stack, arguments.settings, changes=True)
        engine = prepared.engine
        engine.unlock()
        if not engine.place.of_checkout:
            code = _agree(engine)
            if code:
                return code
            engine.ensure_stack()
        begun = seconds()
        with Progress(engine.log("up")) as progress:
            done = engine.on_stack("up", "--yes", "--skip-preview", *progress.arguments, output=progress.words)
        if done.returncode:
            say(f"up failed after {minutes(seconds() - begun)}; all the engine said is in {progress.words}")
            return done.returncode
        if progress.pending:
            engine.settle()
        say(f"engine done in {minutes(seconds() - begun)}: {progress.summary()}")
        report.show(prepared, progress.timeline())
    return 0


def _agree(engine: Engine) -> int:
    """Previews and asks. 0 when the plan may be carried out, the engine's code when it has no plan.

    FjordkubeError when nobody agreed.
    """
    before = engine.config_file.read_bytes()
    with planning(engine) as planner, Plan(engine.log("preview")) as plan:
        code = planner.on_stack("preview", "--diff", *plan.arguments).returncode
    if code:
        return code
    if not plan.steps:
        raise FjordkubeError("plan: the engine's event log told nothing of it; run up again. Nothing was changed")
    if all(step.operation == "same" for step in plan.steps):
        return 0
    consent.change(engine.stack, dangers(plan.steps))
    if engine.config_file.read_bytes() != before:
        raise FjordkubeError(f"{engine.config_file}: was changed since its preview; run up again. Nothing was changed")
    return 0
