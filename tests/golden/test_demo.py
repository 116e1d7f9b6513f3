"""The demo's objects as YAML."""

from __future__ import annotations

from fjordkube.demo import objects
from fjordkube.objects import manifest
from fjordkube.settings import Demo
from tests.golden.golden import check


def test_default_settings() -> None:
    check("demo.yaml", manifest(objects(Demo(), "registry.example/demo:1", "native", "nginx")))
