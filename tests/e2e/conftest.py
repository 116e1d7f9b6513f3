"""One cluster on virtual machines for the whole folder; its tests run in file order and build on each other."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from commands.setup import PLAIN, PLAIN_EXISTING
from fjordkube.roots import CHECKOUT
from tests.engine.command import Commands

SETTINGS = {"cluster": {"name": "e2e"}}
"""The default stack but for its name: what a newcomer gets is what is tested."""


@contextmanager
def local_stack(name: str, settings: dict[str, Any]) -> Iterator[Commands]:
    """Commands on a stack of its own. Whatever happened, its machines are gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix=f"fjordkube-{name}-", dir="/var/tmp"))
    made = Commands(folder / "home", folder / f"Pulumi.{name}.yaml", name)
    made.write(dict(settings))
    try:
        yield made
    finally:
        made.run("down", limit=300)
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def commands() -> Iterator[Commands]:
    """Commands on the one cluster."""
    with local_stack("e2e", SETTINGS) as made:
        yield made


@pytest.fixture(scope="session")
def plain_bundle() -> Iterator[Path]:
    """All that plain machines lack; below the checkout, where a stack file can name it."""
    bundles = CHECKOUT / ".fjordkube" / "bundles"
    bundles.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix="plain-", dir=bundles))
    words = ["bundle", "--releases", f"{PLAIN},{PLAIN_EXISTING}", "--output", str(made)]
    subprocess.run([sys.executable, "-m", "commands", *words], cwd=CHECKOUT, check=True)
    yield made
    shutil.rmtree(made)
