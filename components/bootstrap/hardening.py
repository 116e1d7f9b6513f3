"""What the settings' hardening means for the API server and the kubelet: arguments, and the files that they name.

Owns the texts, which hold no secret, and the suites of TLS. Leaves reasons and exceptions to docs/hardening.md, and the
keys of Secrets to scripts/secrets-encryption.sh: their file is made on a control plane, and no settings make it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import yaml

from fjordkube.bootstrap import paths
from fjordkube.host.paths import AUDIT_LOGS
from fjordkube.settings.hardening import Hardening

CIPHER_SUITES: Final = (
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
)
"""Of TLS 1.2, forward secret and authenticated; those of 1.3 are always on in Go. HTTP/2 needs the first two."""

KUBERNETES_SUITES: Final = tuple(name.replace("POLY1305_SHA256", "POLY1305") for name in CIPHER_SUITES)
"""The same by the older names that Kubernetes takes too, and kube-bench alone takes for the kubelet (4.2.12)."""

TLS: Final = {"tls-min-version": "VersionTLS12", "tls-cipher-suites": ",".join(KUBERNETES_SUITES)}
"""Arguments of API server, controller manager and scheduler."""
ETCD_TLS: Final = {"tls-min-version": "TLS1.2", "cipher-suites": ",".join(CIPHER_SUITES)}
"""etcd's words for the same."""

AUDIT_LOG: Final = f"{AUDIT_LOGS}/audit.log"
AUDIT_ROTATION: Final = {"audit-log-maxage": "30", "audit-log-maxbackup": "10", "audit-log-maxsize": "100"}
"""Days, files, MB: CIS 1.2.17 to 1.2.19. The API server rotates by itself."""

ANONYMOUS: Final = ("/livez", "/readyz", "/healthz")
"""What kubelets' probes, scripts/member.sh and a load balancer ask without a name."""

EXEMPT: Final = ("kube-system",)
"""Namespaces in which pods may do anything: of static pods, kube-proxy and Calico. Our others have labels."""

EVENTS: Final = {"qps": 50, "burst": 100}
"""A kubelet's own limit is 50 events a second too, so that none of its events is lost to this."""


def api_server_arguments(hardening: Hardening) -> dict[str, str]:
    """The API server's, by name."""
    arguments = {
        **TLS,
        # always there, with a file that says "in the clear" too: without it, what is encrypted could not be read
        "encryption-provider-config": paths.SECRETS_ENCRYPTION,
        "encryption-provider-config-automatic-reload": "true",
    }
    if plugins := _plugins(hardening):
        # the first is kubeadm's own, and this argument replaces it
        arguments["enable-admission-plugins"] = ",".join(["NodeRestriction", *plugins])
    if hardening.audit_log:
        arguments |= {"audit-policy-file": paths.AUDIT_POLICY, "audit-log-path": AUDIT_LOG, **AUDIT_ROTATION}
    if _admission(hardening):
        arguments["admission-control-config-file"] = paths.ADMISSION
    if hardening.production:
        arguments |= {
            "authentication-config": paths.AUTHENTICATION,
            "service-account-extend-token-expiration": "false",
        }
    return arguments


def _plugins(hardening: Hardening) -> list[str]:
    wanted = {"EventRateLimit": hardening.event_rate_limit, "DenyServiceExternalIPs": hardening.deny_external_ips}
    return [name for name, is_on in wanted.items() if is_on]


def api_server_files(hardening: Hardening) -> dict[str, str]:
    """Path -> text of what the arguments name; they must lie there before the API server starts."""
    documents: dict[str, Any] = {}
    if hardening.audit_log:
        documents[paths.AUDIT_POLICY] = audit_policy()
    if admission := _admission(hardening):
        documents[paths.ADMISSION] = admission
    if hardening.production:
        documents[paths.AUTHENTICATION] = authentication()
    return {path: yaml.safe_dump(document, sort_keys=False) for path, document in documents.items()}


def api_server_volumes(hardening: Hardening) -> list[dict[str, Any]]:
    """kubeadm's extraVolumes: the files' folder, and where the log is written."""
    volumes: list[dict[str, Any]] = []
    if api_server_files(hardening):
        volumes.append(_volume("fjordkube-policies", paths.POLICIES, read_only=True))
    if hardening.audit_log:
        volumes.append(_volume("audit-logs", AUDIT_LOGS, read_only=False))
    return volumes


def api_server_environment(hardening: Hardening) -> dict[str, str]:
    """A digest of the files: one that was edited is an edited manifest, and the API server reads files at its start."""
    files = api_server_files(hardening)
    if not files:
        return {}
    return {"FJORDKUBE_POLICIES": hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:16]}


def _volume(name: str, path: str, *, read_only: bool) -> dict[str, Any]:
    found = {"name": name, "hostPath": path, "mountPath": path, "pathType": "DirectoryOrCreate"}
    return {**found, "readOnly": True} if read_only else found


def audit_policy() -> dict[str, Any]:
    """Who changed what, who read a Secret, who entered a pod; never what was in it.

    Small for slow machines: nothing of reads, watches, leases, events, and what nodes and controllers say of state.
    """
    own_reads = ["system:kube-controller-manager", "system:kube-scheduler", "system:apiserver"]
    reads = ["get", "list", "watch"]
    ways = ("exec", "attach", "portforward", "proxy")
    entered = _group("", *(f"pods/{way}" for way in ways), "services/proxy", "nodes/proxy")
    return {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "omitManagedFields": True,
        "rules": [
            _nothing(resources=[_group("coordination.k8s.io", "leases"), _group("", "events")]),
            _nothing(resources=[_group("events.k8s.io", "events")]),
            _nothing(users=own_reads, verbs=reads),
            _nothing(userGroups=["system:nodes", "system:serviceaccounts:kube-system"], verbs=reads),
            {"level": "Metadata", "resources": [entered]},
            {"level": "Metadata", "resources": [_group("", "secrets", "configmaps", "serviceaccounts/token")]},
            _nothing(verbs=reads),
            _nothing(nonResourceURLs=["*"]),
            _nothing(userGroups=["system:nodes"], resources=[_group("", "nodes/status", "pods/status")]),
            _nothing(resources=[_group("authorization.k8s.io")]),
            {"level": "Metadata"},
        ],
    }


def _nothing(**of: Sequence[Any]) -> dict[str, Any]:
    # lists of their own: YAML would name those that come twice
    return {"level": "None", **{key: [*values] for key, values in of.items()}}


def _group(name: str, *resources: str) -> dict[str, Any]:
    return {"group": name, **({"resources": [*resources]} if resources else {})}


def _admission(hardening: Hardening) -> dict[str, Any] | None:
    """AdmissionConfiguration with what the plugins are told; None where Kubernetes' own defaults hold."""
    plugins: dict[str, dict[str, Any]] = {}
    if hardening.pod_security != "privileged":
        plugins["PodSecurity"] = pod_security(hardening.pod_security)
    if hardening.event_rate_limit:
        plugins["EventRateLimit"] = {
            "apiVersion": "eventratelimit.admission.k8s.io/v1alpha1",
            "kind": "Configuration",
            "limits": [{"type": kind, **EVENTS, "cacheSize": 2000} for kind in ("Namespace", "User")],
        }
    if not plugins:
        return None
    return {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AdmissionConfiguration",
        "plugins": [{"name": name, "configuration": told} for name, told in plugins.items()],
    }


def pod_security(level: str) -> dict[str, Any]:
    """What holds where a namespace has no label. Audit and warnings at the same level: what may be is not told."""
    modes = ("enforce", "audit", "warn")
    return {
        "apiVersion": "pod-security.admission.config.k8s.io/v1",
        "kind": "PodSecurityConfiguration",
        "defaults": {**dict.fromkeys(modes, level), **{f"{mode}-version": "latest" for mode in modes}},
        "exemptions": {"namespaces": [*EXEMPT]},
    }


def authentication() -> dict[str, Any]:
    """Who has shown nothing may ask for health alone."""
    return {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AuthenticationConfiguration",
        "anonymous": {"enabled": True, "conditions": [{"path": path} for path in ANONYMOUS]},
    }


def kubelet(hardening: Hardening) -> Mapping[str, Any]:
    """Fields of KubeletConfiguration."""
    fields: dict[str, Any] = {"tlsMinVersion": TLS["tls-min-version"], "tlsCipherSuites": [*KUBERNETES_SUITES]}
    if hardening.production:
        fields |= {
            # host/sysctls.py sets what it then insists on
            "protectKernelDefaults": True,
            "streamingConnectionIdleTimeout": "1h",
            "podPidsLimit": 4096,
        }
    return fields
