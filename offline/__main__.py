"""`python -m offline build [STEP...]` builds what is missing; `python -m offline plan [STEP...]` says what that is."""

from __future__ import annotations

import argparse
import sys

from fjordkube.errors import FjordkubeError
from fjordkube.roots import cache_root
from offline import build, catalog, manifest, source
from offline.runner import closure, duration, missing, remaining


def plan(names: list[str]) -> None:
    """Prints each step with its state, and what is still to do."""
    steps = catalog.steps()
    wanted = build.resolve(names, steps)
    todo = missing(steps, wanted)
    for step in closure(steps, wanted):
        state = "done" if step.done else "to do" if step in todo else "not needed"
        print(f"{state:10} {step.name:32} {step.title:44} about {duration(step.seconds)}")
    groups = ", ".join(manifest.load().groups)
    print(f"programs: {source.describe(manifest.load(), steps)}")
    print(f"{len(todo)} to do, about {duration(remaining(todo))}; groups: {groups}; cache {cache_root()}")


def main() -> int:
    """Entry point; 0 if all went well, 1 with a message if not, 130 if interrupted."""
    parser = argparse.ArgumentParser(prog="python -m offline", description=__doc__)
    parser.add_argument("action", choices=["build", "plan"])
    parser.add_argument("steps", nargs="*", metavar="STEP", help="steps or groups; all by default")
    arguments = parser.parse_args()
    try:
        if arguments.action == "plan":
            plan(arguments.steps)
        else:
            build.ensure(arguments.steps)
    except FjordkubeError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; what is built is kept, the next build goes on from there", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
