"""One Kubernetes object of any kind as one Pulumi resource.

Owns the type token, the plugin version and the secrecy of Secrets. Leaves the content to the pure renderers and the
order to `collection.py`. The SDK's own classes are not used: they take an object apart into hundreds of typed
arguments, load a module per API group (0.1-0.5 s each) and know only the kinds of their day. What reaches the engine is
the same: the same token, inputs, version and secret outputs, so a stack's state reads alike either way.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from functools import cache
from typing import Any

import pulumi

Object = dict[str, Any]
"""A Kubernetes object as its YAML reads: apiVersion, kind, metadata and the rest. Leaves may be pulumi Outputs."""

SECRET_FIELDS = ("data", "stringData")


@cache
def plugin_version() -> str:
    """Version of the kubernetes provider plugin: that of the installed Python package, as the SDK itself does."""
    return importlib.metadata.version("pulumi-kubernetes")


def token(api_version: str, kind: str) -> str:
    """Type token of a kind, e.g. ("apps/v1", "DaemonSet") -> kubernetes:apps/v1:DaemonSet; v1 is core/v1."""
    return f"kubernetes:{api_version if '/' in api_version else 'core/' + api_version}:{kind}"


class KubernetesObject(pulumi.CustomResource):
    """An object kept in the cluster as it is declared here."""

    def __init__(self, resource_name: str, body: Mapping[str, Any], opts: pulumi.ResourceOptions) -> None:
        """`opts` must carry the provider: the ambient kubeconfig is never used. It is completed in place."""
        self.object_kind: str = body["kind"]
        self.object_name: str = body["metadata"]["name"]
        self.object_namespace: str | None = body["metadata"].get("namespace")
        props = dict(body)
        opts.version = plugin_version()
        if self.object_kind == "Secret" and body["apiVersion"] == "v1":
            held = [field for field in SECRET_FIELDS if field in props]
            props.update({field: pulumi.Output.secret(props[field]) for field in held})
            opts.additional_secret_outputs = list(SECRET_FIELDS)
        super().__init__(token(body["apiVersion"], self.object_kind), resource_name, props, opts)
