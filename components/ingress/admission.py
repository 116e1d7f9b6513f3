"""The admission webhook: an Ingress that would break nginx's configuration is refused by the API.

Owns the webhook's Service, registration and certificate. `failurePolicy` is Fail, as upstream: with Ignore a broken
Ingress slips in exactly when nobody looks. The price is that no Ingress can be written while no controller runs, so
Ingresses of the same program are made before the registration (`IngressNginxArgs.ingresses`).
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any

from fjordkube.ingress.access import NAME, NAMESPACE
from fjordkube.objects import Object
from fjordkube.timing import TimingName

if TYPE_CHECKING:
    import pulumi

SERVICE = "ingress-nginx-controller-admission"
SECRET = "ingress-nginx-admission"  # noqa: S105 - the object's name
WEBHOOK = "ingress-nginx-admission"
CERTIFICATES = "/usr/local/certificates"

CERTIFICATE_DAYS = 3650
"""Ten years: it is trusted for this one name by this one cluster, and nothing renews it by itself."""

TIMEOUT_SECONDS: dict[TimingName, int] = {"native": 10, "emulated": 30}
"""For one review, which runs `nginx -t`. 10 is Kubernetes' default, 30 its maximum."""

LABELS = {"app.kubernetes.io/name": NAME, "app.kubernetes.io/component": "admission-webhook"}
HOST = f"{SERVICE}.{NAMESPACE}.svc"
"""The one name under which the API server reaches the webhook."""


def openssl() -> str:
    """Shell that writes a private key and its self-signed certificate to stdout, never to a file.

    Self-signed, so that no key exists that could sign for other names: the API trusts exactly this certificate.
    """
    return " ".join(
        [
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -sha256 -nodes",
            f"-days {CERTIFICATE_DAYS} -subj /CN={NAME}-admission",
            f"-addext subjectAltName=DNS:{HOST} -addext extendedKeyUsage=serverAuth",
            "-keyout - -out - 2>/dev/null",
        ]
    )


def pem(kind: str, text: str) -> str:
    """The one PEM block of that kind in a text; ValueError when there is none."""
    match = re.search(f"-----BEGIN {kind}-----.+?-----END {kind}-----", text, re.DOTALL)
    if match is None:
        raise ValueError(f"openssl gave no {kind}: check that `openssl version` says 1.1.1 or newer")
    return match[0] + "\n"


def encoded(text: str) -> str:
    """Base64, as the API takes bytes."""
    return base64.b64encode(text.encode()).decode()


def certificate_secret(certificate: pulumi.Input[str], key: pulumi.Input[str]) -> Object:
    """The Secret that the controller mounts; both values base64 of PEM."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": SECRET, "namespace": NAMESPACE, "labels": LABELS},
        "type": "kubernetes.io/tls",
        "data": {"tls.crt": certificate, "tls.key": key},
    }


def service(selector: dict[str, str]) -> Object:
    """Where the API server finds the controllers."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": SERVICE, "namespace": NAMESPACE, "labels": LABELS},
        "spec": {
            "type": "ClusterIP",
            "selector": selector,
            "ports": [{"name": "https-webhook", "port": 443, "targetPort": "webhook", "protocol": "TCP"}],
        },
    }


def registration(certificate: pulumi.Input[str], timing: TimingName) -> Object:
    """ValidatingWebhookConfiguration for every Ingress that is created or changed; `certificate` is base64 of PEM."""
    webhook: dict[str, Any] = {
        "name": "validate.nginx.ingress.kubernetes.io",
        "admissionReviewVersions": ["v1"],
        "clientConfig": {
            "service": {"name": SERVICE, "namespace": NAMESPACE, "path": "/networking/v1/ingresses", "port": 443},
            "caBundle": certificate,
        },
        "rules": [
            {
                "apiGroups": ["networking.k8s.io"],
                "apiVersions": ["v1"],
                "operations": ["CREATE", "UPDATE"],
                "resources": ["ingresses"],
            }
        ],
        "matchPolicy": "Equivalent",
        "failurePolicy": "Fail",
        "sideEffects": "None",
        "timeoutSeconds": TIMEOUT_SECONDS[timing],
    }
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": WEBHOOK, "labels": LABELS},
        "webhooks": [webhook],
    }
