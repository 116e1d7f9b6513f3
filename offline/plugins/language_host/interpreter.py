"""Which Python runs a program, and which provider packages it has.

Owns the reading of Pulumi.yaml's runtime options `virtualenv` and `toolchain`. Leaves installing to the user's own
tools: a virtual environment that is missing is an error that says how to make it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

FIND_PLUGINS = """
import glob, os, sys
for folder in dict.fromkeys(filter(None, sys.path)):
    for path in glob.glob(os.path.join(glob.escape(folder), "*", "pulumi-plugin.json")):
        print(path)
"""


class InterpreterMissing(Exception):
    """The virtual environment that Pulumi.yaml names has no interpreter."""


def interpreter(options: dict[str, Any], root: str, program: str) -> str:
    """Path of the Python that runs the program.

    `options` are Pulumi.yaml's runtime options, `root` the project folder, `program` the program's folder. In turn:
    the named virtualenv (uv's is .venv), .venv or venv beside the program, $PULUMI_PYTHON_CMD, this process's own.
    Raises InterpreterMissing.
    """
    named = options.get("virtualenv") or (".venv" if options.get("toolchain") == "uv" else "")
    if named:
        python = Path(root, named, "bin", "python")
        if not python.exists():
            raise InterpreterMissing(
                f"runtime option virtualenv in Pulumi.yaml is {named!r}, but {python} does not exist; "
                f"create it with: python3 -m venv {python.parents[1]}"
            )
        return str(python)
    for folder in (".venv", "venv"):
        python = Path(program, folder, "bin", "python")
        if python.exists():
            return str(python)
    return os.environ.get("PULUMI_PYTHON_CMD") or sys.executable


def provider_packages(python: str) -> list[dict[str, Any]]:
    """The pulumi-plugin.json contents of the resource SDKs which that Python can import."""
    found = subprocess.run([python, "-c", FIND_PLUGINS], capture_output=True, text=True, check=True).stdout
    packages = [json.loads(Path(line).read_text()) for line in found.splitlines()]
    return [package for package in packages if package.get("resource")]


def installed(python: str) -> list[dict[str, str]]:
    """Name and version of every installed distribution, as pip lists them."""
    command = [python, "-m", "pip", "list", "--disable-pip-version-check", "--format", "json"]
    listing = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    result: list[dict[str, str]] = json.loads(listing or "[]")
    return result
