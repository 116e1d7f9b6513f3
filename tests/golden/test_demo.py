"""The demo's objects as YAML."""

from __future__ import annotations

from components.demo import objects
from components.objects import manifest
from components.settings import Demo
from tests.golden.golden import check


def test_default_settings() -> None:
    check("demo.yaml", manifest(objects(Demo(), "registry.example/demo:1", "native", "nginx")))
