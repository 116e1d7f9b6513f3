"""Fixtures of the relay's tests: a served API, and an environment with a pretended ssh."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.relay.fakes import FakeApi, make_certificate, pretended_ssh, serving


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    make_certificate(folder)
    return folder


@pytest.fixture
def api(certificate: Path) -> Iterator[FakeApi]:
    with serving(FakeApi(certificate)) as fake:
        yield fake


@pytest.fixture
def base(tmp_path: Path) -> dict[str, str]:
    return pretended_ssh(tmp_path)
