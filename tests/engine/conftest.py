"""A home and a stack file for each test; the toolchain and the bundle must be built (`make test-engine` sees to it)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine import installed
from tests.engine.command import Commands
from tests.engine.installed import Installed


@pytest.fixture
def commands(tmp_path: Path) -> Commands:
    made = Commands(tmp_path / "home", tmp_path / "Pulumi.test.yaml", "test")
    made.write({})
    return made


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The built package in an environment of its own; once for each of pytest's workers."""
    return installed.install(tmp_path_factory.mktemp("package"))
