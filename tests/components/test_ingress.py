"""ingress-nginx as resources: order, certificate and its secrecy; at preview and at up."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path
from typing import Any

import pulumi
import pulumi_kubernetes
import pytest

from fjordkube.ingress import admission
from fjordkube.ingress.nginx import IngressNginx, IngressNginxArgs
from fjordkube.settings import IngressNginx as IngressNginxSettings
from tests.components.engine_recording import Recording, record, run

CERTIFICATE = "-----BEGIN CERTIFICATE-----\nQ0VSVA==\n-----END CERTIFICATE-----\n"
KEY = "-----BEGIN PRIVATE KEY-----\nS0VZ\n-----END PRIVATE KEY-----\n"
COMMAND = "command:local:Command"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def build(tmp_path: Path, preview: bool) -> Recording:
    engine = record(preview, {COMMAND: lambda inputs: {"stdout": KEY + CERTIFICATE}})

    def program() -> None:
        provider = pulumi_kubernetes.Provider("cluster", kubeconfig="{}")
        demo = pulumi.CustomResource("test:index:Ingress", "demo-ingress-demo", {})
        IngressNginx(
            "nginx",
            IngressNginxArgs(
                settings=IngressNginxSettings(controller="nginx"),
                api_host="192.168.77.11",
                image="registry.example/controller:1",
                provider=provider,
                ingresses=[demo],
            ),
        )

    run(program)
    return engine


@pytest.mark.parametrize("preview", [True, False])
def test_the_webhook_is_registered_after_everything_and_after_the_programs_ingresses(
    tmp_path: Path, preview: bool
) -> None:
    engine = build(tmp_path, preview)
    hook = engine.seen["nginx-validatingwebhookconfiguration-ingress-nginx-admission"]
    assert {
        "demo-ingress-demo",
        "nginx-daemonset-ingress-nginx-controller",
        "nginx-secret-ingress-nginx-admission",
        "nginx-service-ingress-nginx-controller-admission",
    } <= set(hook.depends_on)
    controller = engine.seen["nginx-daemonset-ingress-nginx-controller"]
    assert "demo-ingress-demo" not in controller.depends_on
    assert {"nginx-secret-ingress-nginx-admission", "nginx-configmap-ingress-nginx-controller"} <= set(
        controller.depends_on
    )


@pytest.mark.parametrize("preview", [True, False])
def test_the_component_registers_what_it_declares(tmp_path: Path, preview: bool) -> None:
    engine = build(tmp_path, preview)
    assert engine.seen["nginx"].type == "fjordkube:ingress:IngressNginx"
    assert engine.seen["nginx"].outputs == {"ingress_class": "nginx", "image": "registry.example/controller:1"}
    assert engine.seen["nginx-namespace-ingress-nginx"].parent == "nginx"


@pytest.mark.parametrize("preview", [True, False])
def test_key_and_command_output_are_secret(tmp_path: Path, preview: bool) -> None:
    engine = build(tmp_path, preview)
    secret = engine.seen["nginx-secret-ingress-nginx-admission"]
    assert secret.type == "kubernetes:core/v1:Secret"
    assert secret.secret_outputs == ["data", "stringData"]
    command = engine.seen["nginx-certificate"]
    assert command.type == COMMAND
    assert "stdout" in command.secret_outputs
    assert command.inputs["logging"] == "none"
    if not preview:
        assert secret.secret_inputs == ["data"]


def test_the_api_trusts_the_certificate_that_the_controller_shows(tmp_path: Path) -> None:
    engine = build(tmp_path, preview=False)
    data: Any = engine.seen["nginx-secret-ingress-nginx-admission"].inputs["data"]
    data = data.get("value", data)
    hook = engine.seen["nginx-validatingwebhookconfiguration-ingress-nginx-admission"]
    trusted = hook.inputs["webhooks"][0]["clientConfig"]["caBundle"]
    assert data == {"tls.crt": encoded(CERTIFICATE), "tls.key": encoded(KEY)}
    assert trusted == encoded(CERTIFICATE)


def test_openssl_makes_a_certificate_for_the_webhooks_name_and_no_other() -> None:
    made = subprocess.run(["/bin/sh", "-c", admission.openssl()], capture_output=True, text=True, check=True).stdout
    certificate = admission.pem("CERTIFICATE", made)
    assert admission.pem("PRIVATE KEY", made)
    seen = subprocess.run(
        ["openssl", "x509", "-noout", "-text"], input=certificate, capture_output=True, text=True, check=True
    ).stdout
    assert "DNS:ingress-nginx-controller-admission.ingress-nginx.svc" in seen
    assert seen.count("DNS:") == 1
    assert "TLS Web Server Authentication" in seen
