"""`kubeconfig`: the administrator's kubeconfig in a file of its own; the user's own ~/.kube/config is never touched."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from commands.engine import Engine
from fjordkube.errors import FjordkubeError
from fjordkube.roots import home_root


def place(stack: str) -> Path:
    """Where the file lies."""
    return home_root().resolve() / f"kubeconfig-{stack}"


def run(arguments: argparse.Namespace) -> int:
    """Writes the file (0600) and says how to use it. FjordkubeError where the stack has no cluster."""
    stack = arguments.stack
    engine = Engine.of(stack, arguments.settings)
    engine.require()
    text = engine.outputs(secrets_shown=True).get("kubeconfig")
    if not text:
        raise FjordkubeError(f"stack {stack}: no kubeconfig yet; run make up STACK={stack}")
    path = place(stack)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(str(text))
    print(f"export KUBECONFIG={path}")
    return 0
