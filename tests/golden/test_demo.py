"""The demo's objects as YAML."""

from __future__ import annotations

from fjordkube.demo import deployment, objects
from fjordkube.images import upstream
from fjordkube.objects import manifest
from fjordkube.settings import Demo
from fjordkube.versions import DEFAULT_CALICO, DEFAULT_KUBERNETES
from tests.golden.golden import check


def test_default_settings() -> None:
    check("demo.yaml", manifest(objects(Demo(), "registry.example/demo:1", "native", "nginx", nodes=2)))


def test_upstreams_stand_in() -> None:
    image = upstream(DEFAULT_KUBERNETES, DEFAULT_CALICO).references["demo"]
    check("demo-upstream.yaml", manifest([deployment(Demo(), image, "native")]))
