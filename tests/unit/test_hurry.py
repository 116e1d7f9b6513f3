"""The SDK in a hurry: fewer lines to the engine, and one wait for all outputs."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from fjordkube.roots import CHECKOUT

HURRIED = """
import asyncio, pulumi.log
from pulumi.runtime import resource, stack
from fjordkube.hurry import hurry

said = []
pulumi.log.debug = lambda text, *_: said.append(text)
hurry()
resource.log.debug("the SDK's own")
pulumi.log.debug("the program's own")

async def program():
    async def fails():
        raise KeyError("x")
    tasks = [asyncio.ensure_future(asyncio.sleep(60)), asyncio.ensure_future(fails())]
    done, _ = await stack.asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    return [type(task.exception()).__name__ for task in done]

print(said, resource.log.warn is pulumi.log.warn, asyncio.run(program()))
"""


@pytest.mark.parametrize(
    ("debug", "told"), [("", ["the program's own"]), ("1", ["the SDK's own", "the program's own"])]
)
def test_the_sdks_own_debug_lines_are_not_sent_and_a_failed_output_is_not_waited_for(
    debug: str, told: list[str]
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", HURRIED],
        env={**os.environ, "PULUMI_SDK_DEBUG": debug},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == f"{told} True ['KeyError']"


def test_the_program_is_in_a_hurry_whoever_runs_it() -> None:
    program = (CHECKOUT / "__main__.py").read_text()
    assert program.index("\nhurry()\n") < program.index("pulumi.get_stack()")
