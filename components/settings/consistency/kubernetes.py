"""Kubernetes itself: the Service range's size, what a version still has, hardening that means nothing."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network

from fjordkube import versions
from fjordkube.settings.consistency.finding import SERVICES, Finding
from fjordkube.settings.hardening import Hardening
from fjordkube.settings.kubernetes import Kubernetes


def of_cluster(kubernetes: Kubernetes, proxy_mode: str) -> Iterator[Finding]:
    """What holds whatever the nodes are."""
    yield from _service_range_has_a_size_that_the_api_takes(kubernetes.service_cidr)
    yield from _kubernetes_still_has_the_proxy_mode(kubernetes.version, proxy_mode)
    yield from _a_numbered_key_encrypts(kubernetes.hardening)


def _service_range_has_a_size_that_the_api_takes(service_cidr: str) -> Iterator[Finding]:
    network = IPv4Network(service_cidr)
    if network.prefixlen < 12:
        state = f"{network} is larger than a /12, the API server's limit"
        yield Finding((SERVICES,), state, f"use a part of it, e.g. {network[0]}/12")
    elif network.prefixlen > 28:
        state = f"{network} has {network.num_addresses} addresses, and the cluster's DNS has the 10th"
        yield Finding((SERVICES,), state, "use /28 or larger, e.g. 10.96.0.0/12")


def _kubernetes_still_has_the_proxy_mode(version: str, proxy_mode: str) -> Iterator[Finding]:
    problem = versions.ipvs_problem(version) if proxy_mode == "ipvs" else None
    if problem:
        state, _, fix = problem.partition("; ")
        yield Finding((("kube_proxy", "mode"), ("kubernetes", "version")), state, fix)


def _a_numbered_key_encrypts(hardening: Hardening) -> Iterator[Finding]:
    if "secrets_key" in hardening.model_fields_set and not hardening.secrets_encryption:
        key, encryption = (("kubernetes", "hardening", name) for name in ("secrets_key", "secrets_encryption"))
        state = "a key is numbered, and Secrets are not encrypted"
        yield Finding((key, encryption), state, "set secrets_encryption: true, or leave the number out")
