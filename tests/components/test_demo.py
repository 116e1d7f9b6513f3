"""The demo as resources, at preview and at up."""

from __future__ import annotations

import pulumi_kubernetes
import pytest

from fjordkube.demo import Demo, DemoArgs
from fjordkube.settings import Demo as DemoSettings
from tests.components.engine_recording import record, run


@pytest.mark.parametrize("preview", [True, False])
def test_the_demo_is_a_namespace_first_then_the_rest(preview: bool) -> None:
    engine = record(preview)

    def program() -> None:
        provider = pulumi_kubernetes.Provider("cluster", kubeconfig="{}")
        made = Demo("demo", DemoArgs(settings=DemoSettings(), image="registry.example/demo:1", provider=provider))
        assert made.ingress.object_kind == "Ingress"

    run(program)
    assert engine.seen["demo"].type == "fjordkube:demo:Demo"
    assert engine.seen["demo"].outputs == {"host": "demo.fjord.internal"}
    for kind in ("deployment", "service", "ingress"):
        assert engine.seen[f"demo-{kind}-demo"].depends_on == ["demo-namespace-demo"]
        assert engine.seen[f"demo-{kind}-demo"].parent == "demo"
    assert engine.seen["demo-deployment-demo"].inputs["spec"]["replicas"] == 2
