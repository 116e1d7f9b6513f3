"""Every field of every rendered object is one that the API knows: a misspelt one would be dropped or refused only in a
real cluster. The API's own types are those of the official client."""

from __future__ import annotations

import re
from typing import Any

import pytest
from kubernetes import client

from fjordkube import demo
from fjordkube.ingress import admission, controller
from fjordkube.network import calico
from fjordkube.objects import Object
from fjordkube.settings import Calico, Demo, IngressNginx
from fjordkube.timing import TimingName

IMAGES = {key: key for key in ("calico-node", "calico-cni", "calico-kube-controllers")}
TIMINGS: tuple[TimingName, ...] = ("native", "emulated")


def rendered() -> list[Object]:
    found: list[Object] = []
    for timing in TIMINGS:
        settings = IngressNginx(controller="nginx")
        place = controller.front(settings, "image", "192.168.77.11", 6443)
        found += controller.objects(settings, place, timing)
        found += calico.objects(Calico(), IMAGES, "192.168.77.0/24", "192.168.77.11", 6443, timing)
        found += demo.objects(Demo(), "image", timing, "nginx")
        found.append(admission.registration("QQ==", timing))
    return [*found, admission.service({"a": "b"}), admission.certificate_secret("QQ==", "QQ==")]


TYPED = [body for body in rendered() if "projectcalico" not in body["apiVersion"]]


def model(body: Object) -> str:
    version = body["apiVersion"].rpartition("/")[2]
    return f"{version.capitalize()}{body['kind']}"


def unknown(value: Any, kind: str, path: str) -> list[str]:
    """Paths of fields that the type does not have, or whose value is of another type."""
    many = re.fullmatch(r"(?i:list)\[(.+)\]", kind)
    if many:
        if not isinstance(value, list):
            return [f"{path}: not a list"]
        return [found for index, entry in enumerate(value) for found in unknown(entry, many[1], f"{path}[{index}]")]
    if kind.lower().startswith("dict"):
        strings = isinstance(value, dict) and all(isinstance(entry, str) for entry in value.values())
        return [] if strings else [f"{path}: not a map of strings"]
    if kind in ("str", "int", "bool"):
        fits = type(value).__name__ == kind
        return [] if fits else [f"{path}: {value!r} is not {kind}"]
    if not hasattr(client, kind):
        return []
    names: dict[str, str] = {wire: own for own, wire in getattr(client, kind).attribute_map.items()}
    types: dict[str, str] = getattr(client, kind).openapi_types
    found: list[str] = []
    for key, entry in value.items():
        if key not in names:
            found.append(f"{path}.{key}: {kind} has no such field")
        else:
            found += unknown(entry, types[names[key]], f"{path}.{key}")
    return found


@pytest.mark.parametrize("body", TYPED, ids=lambda body: f"{body['kind']}-{body['metadata']['name']}")
def test_the_api_knows_every_field(body: Object) -> None:
    assert unknown(body, model(body), body["kind"]) == []


def test_the_check_finds_a_misspelt_field() -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"nam": "x"}, "data": {"a": 1}}
    assert unknown(body, "V1ConfigMap", "ConfigMap") == [
        "ConfigMap.metadata.nam: V1ObjectMeta has no such field",
        "ConfigMap.data: not a map of strings",
    ]
