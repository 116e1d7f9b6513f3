"""Component tests fetch nothing: Calico has no definitions here, unless a test gives it some."""

from __future__ import annotations

import pytest

from fjordkube.network import calico
from fjordkube.objects import Object


@pytest.fixture(autouse=True)
def no_definitions(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_version: str) -> list[Object]:
        return []

    monkeypatch.setattr(calico, "definitions", none)
