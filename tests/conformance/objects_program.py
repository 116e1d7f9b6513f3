"""Texts of the programs that the object scenarios run: a provider, and objects given as JSON.

Owns the few lines that every such program shares, and a definition of Widgets. Leaves other objects to the scenarios.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

MUTABLE = {"enable_config_map_mutable": True, "enable_secret_mutable": True}


def program(
    objects: Mapping[str, Mapping[str, Any]],
    *,
    provider: Mapping[str, Any] | None = None,
    kubeconfig: str = "pulumi.Config().require_secret('kubeconfig')",
    after: Mapping[str, str] | None = None,
    lines: Sequence[str] = (),
) -> str:
    """A program that makes each object (by resource name) whatever its kind, as the product does.

    `provider` are further Provider arguments, `kubeconfig` an expression, `after` what a resource depends on.
    """
    given = {"provider": dict(provider or {}), "objects": dict(objects), "after": dict(after or {})}
    return HEAD.format(lines="\n".join(lines), given=json.dumps(json.dumps(given)), kubeconfig=kubeconfig)


HEAD = """
import json, pulumi, pulumi_kubernetes as k8s
from pulumi_command import local
{lines}
given = json.loads({given})
provider = k8s.Provider("k", kubeconfig={kubeconfig}, **given["provider"])
made = {{}}
for name, body in given["objects"].items():
    version = body["apiVersion"]
    token = "kubernetes:" + (version if "/" in version else "core/" + version) + ":" + body["kind"]
    before = [made[given["after"][name]]] if name in given["after"] else []
    opts = pulumi.ResourceOptions(provider=provider, depends_on=before, version=k8s._utilities.get_version())
    made[name] = pulumi.CustomResource(token, name, body, opts)
"""


def definition(group: str, schema: Mapping[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    """A CustomResourceDefinition of Widgets in that group; without a schema it takes any fields."""
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"widgets.{group}"},
        "spec": {
            "group": group,
            "scope": "Cluster",
            "names": {"kind": "Widget", "plural": "widgets"},
            "versions": [
                {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema or anything}}
            ],
            **spec,
        },
    }
