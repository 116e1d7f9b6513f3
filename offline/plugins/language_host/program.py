"""One run of a Pulumi program: the body of the child process, in the program's own interpreter.

Owns the bridge from the run's description (JSON on standard input) to the SDK's `run_in_stack`, and how an unhandled
exception is shown. Uses the standard library and the program's own pulumi package only, since that interpreter need
not have anything of ours. Leaves the protocol to `host.py`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import runpy
import signal
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

SHOWN = 32
"""Exit status that says the user has already seen the error."""
THREADS_PER_RESOURCE = 4
"""Threads for each resource registered at once: the SDK's calls block (as Pulumi's own host has it)."""


def unhandled(error: BaseException, directory: str) -> str:
    """The traceback from the program's own first frame on: the frames above it are the SDK's and ours."""
    frames = traceback.extract_tb(error.__traceback__)
    inside = Path(directory).resolve()
    # A name such as <frozen runpy> is no path.
    paths = [Path("/") if frame.filename.startswith("<") else Path(frame.filename).resolve() for frame in frames]
    first = next((i for i, path in enumerate(paths) if path.is_relative_to(inside)), 0)
    shown = traceback.format_list(frames[first:]) + traceback.format_exception_only(error)
    return "Program failed with an unhandled exception:\nTraceback (most recent call last):\n" + "".join(shown)


def run(description: dict[str, Any]) -> int:
    """Run the program and return the exit status: 0 done, SHOWN when the user has seen why not."""
    import pulumi
    import pulumi.runtime

    settings, directory, program = description["settings"], description["directory"], description["program"]
    pulumi.runtime.set_all_config(description["config"], description["secret_keys"])
    pulumi.runtime.configure(pulumi.runtime.Settings(**settings))
    os.chdir(directory)
    sys.argv = [program, *description["arguments"]]
    target = Path(directory, program).resolve()
    sys.path[0] = str(target if target.is_dir() else target.parent)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    pool = ThreadPoolExecutor(max_workers=max(settings["parallel"], 1) * THREADS_PER_RESOURCE)
    loop.set_default_executor(pool)
    # An exception in a task is raised again below; the second report would only confuse.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)

    def body() -> None:
        runpy.run_path(str(target), run_name="__main__")

    try:
        loop.run_until_complete(pulumi.runtime.run_in_stack(body))
        return 0
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
        return SHOWN
    except Exception as error:
        pulumi.log.error(unhandled(error, directory))
        return SHOWN
    finally:
        pool.shutdown(wait=True)
        loop.close()
        sys.stdout.flush()
        sys.stderr.flush()


if __name__ == "__main__":
    # The engine cancels by SIGINT: end at once, without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(run(json.loads(sys.stdin.read())))
