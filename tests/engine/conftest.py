"""A home and a stack file for each test; the toolchain and the bundle must be built (`make test-engine` sees to it)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.command import Commands


@pytest.fixture
def commands(tmp_path: Path) -> Commands:
    made = Commands(tmp_path / "home", tmp_path / "Pulumi.test.yaml", "test")
    made.write({})
    return made
