"""`python -m commands VERB [--stack NAME]`: what `make` calls. Errors a person can mend end with 1 and no traceback."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path
from typing import Any

from commands.console import complain
from fjordkube.errors import FjordkubeError

VERBS = {
    "up": "from nothing to a served request, gates passed",
    "preview": "what `up` would change; touches nothing",
    "down": "delete the stack's machines and everything on them",
    "doctor": "what is missing, what will be used, how long it will take; how a living cluster is",
    "kubeconfig": "write the admin kubeconfig to a file of its own",
    "host-keys": "collect the keys of hosts that exist, once, for you to compare",
    "bundle": "make a folder or .tar of all that a node runs with",
    "bundle-verify": "check such a bundle: whole, and what its list says",
    "mirror": "fill a mirror of files and images from such a bundle",
    "setup": "build what a test level needs, and nothing else",
}
STACKLESS = {"bundle", "bundle-verify", "mirror", "setup"}
"""Verbs with arguments of their own (`add` of their module) and no stack."""


def main(words: list[str] | None = None) -> int:
    """0 when done; 1 with a message; 130 when interrupted."""
    words = sys.argv[1:] if words is None else words
    parser = argparse.ArgumentParser(prog="python -m commands", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, text in VERBS.items():
        verb = verbs.add_parser(name, help=text, description=text)
        if name in STACKLESS:
            if name in words[:1]:
                _module(name).add(verb)
            continue
        verb.add_argument("--stack", default="local", help="name of the stack (default: local)")
        verb.add_argument("--settings", type=Path, help="stack file (default: stacks/Pulumi.<stack>.yaml)")
    arguments = parser.parse_args(words)
    try:
        # only what the verb needs is imported: `doctor` must not wait for the SDK
        return int(_module(arguments.verb).run(arguments))
    except FjordkubeError as error:
        complain(str(error))
        return 1
    except KeyboardInterrupt:
        complain("interrupted; the next run goes on from here")
        return 130


def _module(verb: str) -> Any:
    return importlib.import_module(f"commands.{verb.replace('-', '_')}")


if __name__ == "__main__":
    sys.exit(main())
