"""A policy pack under the engine: run by the language host, asked about each resource, gone with the run."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable
from pathlib import Path

from fjordkube.roots import CHECKOUT
from tests.conformance.engine import Stack

NewStack = Callable[[str], Stack]

PROGRAM = """
    from pulumi_command import local
    local.Command("kept", create="echo kept")
    local.Command("refused", create="touch refused")
"""
PACK = """
    import os
    from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy

    open("pack.pid", "w").write(str(os.getpid()))

    def no_touching(args, report):
        if "touch" in (args.props.get("create") or ""):
            report(f"{args.name} touches; have it echo")

    PolicyPack("small", [ResourceValidationPolicy("no-touching", "Nothing is touched.", no_touching)],
               enforcement_level=EnforcementLevel.MANDATORY)
"""


def pack(stack: Stack, text: str = PACK) -> dict[str, str]:
    """A pack beside the program; what has the engine run it."""
    folder = stack.folder / "pack"
    folder.mkdir(exist_ok=True)
    (folder / "PulumiPolicy.yaml").write_text(f"runtime: {{name: python, options: {{virtualenv: {CHECKOUT}/.venv}}}}\n")
    (folder / "__main__.py").write_text(textwrap.dedent(text))
    return {"PULUMI_OPTION_POLICY_PACK": str(folder)}


def test_a_resource_that_breaks_a_rule_is_not_made(new_stack: NewStack) -> None:
    stack = new_stack(PROGRAM)
    result = stack.up(fails=True, environment=pack(stack))
    assert "no-touching" in result.output
    assert "refused touches; have it echo" in result.output
    assert "refused" not in stack.resources()
    assert not (stack.folder / "refused").exists()


def test_a_stack_that_keeps_the_rules_is_made_and_the_pack_is_gone_after_it(new_stack: NewStack) -> None:
    stack = new_stack(PROGRAM.replace("touch refused", "echo"))
    stack.up(environment=pack(stack))
    assert "refused" in stack.resources()
    (found,) = stack.folder.rglob("pack.pid")
    process, end = Path(f"/proc/{found.read_text()}"), time.monotonic() + 10
    while process.exists() and time.monotonic() < end:
        time.sleep(0.2)
    assert not process.exists()


def test_a_pack_that_does_not_start_stops_the_run_with_its_words(new_stack: NewStack) -> None:
    stack = new_stack(PROGRAM)
    result = stack.up(fails=True, environment=pack(stack, "raise SystemExit('the pack is broken')"))
    assert "the pack is broken" in result.output
    assert "kept" not in stack.resources()
