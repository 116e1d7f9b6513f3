"""A set of Kubernetes objects that belong together: their names as resources, their order and how they are waited for.

Owns what depends on what inside the set: namespaces and CRDs first, then what pods read, then workloads, then
admission webhooks. Leaves content to the renderers, and the proof that things work to the gates: the provider is told
not to poll the API until a workload is ready, because polling starves an emulated control plane.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence

import pulumi

from fjordkube.objects.kubernetes_object import KubernetesObject, Object

FOUNDATIONS = frozenset({"Namespace", "CustomResourceDefinition"})
WORKLOADS = frozenset({"DaemonSet", "Deployment", "StatefulSet", "Job", "CronJob", "Pod"})
WEBHOOKS = frozenset({"ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"})

SKIP_AWAIT = "pulumi.com/skipAwait"
PATCH_FORCE = "pulumi.com/patchForce"


def naming(parent: str, body: Object) -> str:
    """Name of the object's resource, <parent>-<kind>-<name> in lower case, e.g. calico-daemonset-calico-node.

    A CRD is <parent>-crd-<plural>: its full name would repeat the group 18 times over.
    """
    kind, name = body["kind"], body["metadata"]["name"]
    if kind == "CustomResourceDefinition":
        kind, name = "crd", body["spec"]["names"]["plural"]
    return f"{parent}-{kind}-{name}".lower()


def prepared(body: Object) -> Object:
    """The object with the provider's own annotations; the argument is left as it is.

    patchForce: a second `up` after a killed one takes its fields back instead of stopping at a conflict. skipAwait on
    everything but CRDs: of those alone something in the same run depends, and they are established within a second.
    """
    notes = {PATCH_FORCE: "true"}
    if body["kind"] != "CustomResourceDefinition":
        notes[SKIP_AWAIT] = "true"
    metadata = body["metadata"]
    return {**body, "metadata": {**metadata, "annotations": {**metadata.get("annotations", {}), **notes}}}


def wants(body: Object, other: Object) -> bool:
    """Whether `body` can only work when `other`, an object of the same set, is there first."""
    kind, earlier = body["kind"], other["kind"]
    if earlier == "Namespace":
        return bool(body["metadata"].get("namespace") == other["metadata"]["name"])
    if earlier == "CustomResourceDefinition":
        group = body["apiVersion"].partition("/")[0]
        if group == other["spec"]["group"]:
            return bool(kind == other["spec"]["names"]["kind"])
        return kind in WORKLOADS
    # A pod whose ConfigMap, Secret or account is missing is retried by the kubelet only after a minute or two.
    if kind in WORKLOADS:
        return earlier not in WORKLOADS | WEBHOOKS | {"PodDisruptionBudget", "Service", "IngressClass", "Ingress"}
    # From its webhook on, the API refuses what the webhook's pods cannot answer for.
    return kind in WEBHOOKS and earlier not in WEBHOOKS


def digest(objects: Sequence[Object]) -> str:
    """Of the objects' content, independent of key order; an Output counts as there, whatever it will hold."""
    text = json.dumps(list(objects), sort_keys=True, default=lambda value: type(value).__name__)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Objects:
    """Makes every object its own resource, in dependency order; iterable, and searchable by kind and name.

    Not a component: its resources hang directly under `opts.parent`, so a preview shows no level without meaning.
    Of `opts`, parent, depends_on, deleted_with and protect are used, and nothing else leaks to the objects.
    """

    def __init__(
        self,
        name: str,
        objects: Sequence[Object],
        provider: pulumi.ProviderResource,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        opts = opts or pulumi.ResourceOptions()
        self.digest = digest(objects)
        """Of what is declared, hex; what an Output will hold does not count."""
        outer = opts.depends_on if opts.depends_on is not None else []
        self._made: dict[str, KubernetesObject] = {}
        done: list[tuple[Object, KubernetesObject]] = []
        for body in sorted(objects, key=_rank):
            resource_name = naming(name, body)
            if resource_name in self._made:
                raise ValueError(f"{resource_name}: two objects of one set have the same kind and name")
            inner = [made for other, made in done if wants(body, other)]
            resource = KubernetesObject(
                resource_name,
                prepared(body),
                pulumi.ResourceOptions(
                    parent=opts.parent,
                    provider=provider,
                    depends_on=_both(outer, inner),
                    deleted_with=opts.deleted_with,
                    protect=opts.protect,
                ),
            )
            self._made[resource_name] = resource
            done.append((body, resource))

    def __iter__(self) -> Iterator[KubernetesObject]:
        return iter(self._made.values())

    def __len__(self) -> int:
        return len(self._made)

    def get(self, kind: str, name: str) -> KubernetesObject:
        """The object of that kind and name; KeyError when the set has none."""
        for resource in self:
            if (resource.object_kind, resource.object_name) == (kind, name):
                return resource
        raise KeyError(f"{kind} {name}")

    def of_kind(self, kind: str) -> list[KubernetesObject]:
        """All objects of a kind, in the order they were declared."""
        return [resource for resource in self if resource.object_kind == kind]

    def names(self) -> list[str]:
        """[namespace/]kind/name of every object: plain text, known at preview."""
        return [
            "/".join(part for part in (r.object_namespace, r.object_kind, r.object_name) if part is not None)
            for r in self
        ]


def _rank(body: Object) -> int:
    kind = body["kind"]
    return 0 if kind in FOUNDATIONS else 2 if kind in WORKLOADS else 3 if kind in WEBHOOKS else 1


def _both(
    outer: pulumi.Input[Sequence[pulumi.Input[pulumi.Resource]] | pulumi.Resource],
    inner: list[KubernetesObject],
) -> list[pulumi.Input[pulumi.Resource]]:
    if isinstance(outer, pulumi.Resource):
        return [outer, *inner]
    if not isinstance(outer, list | tuple):
        raise TypeError("Objects: depends_on must be a resource or a list of resources")
    return [*outer, *inner]
