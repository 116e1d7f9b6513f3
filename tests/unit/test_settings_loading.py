"""A stack file as a whole: all problems at once, nothing secret repeated, defaults that hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_origin

import pytest
import yaml
from pydantic import BaseModel, ValidationError

from fjordkube.errors import SettingsError
from fjordkube.roots import CHECKOUT
from fjordkube.settings import NginxConfig, Stack, load
from fjordkube.settings.explanation import keys, models_in
from tests.unit.refusals import problems

SECRETS = [
    "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "0123456789abcdef0123456789abcdef",
    "AKIAIOSFODNN7EXAMPLE1",
    "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA",
]


@pytest.mark.parametrize("raw", [None, {}, {"nodes": None}, {"ingress": {"config": None}}, {"nodes": {}}])
def test_nothing_and_empty_sections_are_the_defaults(raw: Any) -> None:
    assert load(raw) == Stack()


def test_default_is_one_control_plane_and_two_workers_with_addresses_by_name() -> None:
    stack = load(None)
    assert stack.nodes.addresses == {"cp1": "192.168.77.11", "w1": "192.168.77.101", "w2": "192.168.77.102"}
    assert (stack.cluster.control_plane_endpoint, stack.kubernetes.cluster_dns) == (
        "api.fjord.internal:6444",
        "10.96.0.10",
    )
    assert (stack.kube_proxy.mode, stack.network.encapsulation) == ("ipvs", "none")


def test_a_refusal_has_forty_lines_at_the_most() -> None:
    def told(count: int) -> list[str]:
        with pytest.raises(SettingsError) as refused:
            load({"nodes": {"workers": [{"name": f"w{n}", "cpu": 1} for n in range(count)]}})
        assert len(refused.value.problems) >= count
        return str(refused.value).splitlines()

    assert len(told(39)) == len(told(40)) == len(told(300)) == 40
    assert told(40)[-1] == "  - and 2 more; mend these first"


def test_name_alone_and_a_mapping_with_it_are_the_same_node() -> None:
    assert load({"nodes": {"workers": ["w1"]}}) == load({"nodes": {"workers": [{"name": "w1"}]}})


def test_address_follows_the_name_whatever_other_nodes_there_are() -> None:
    few = load({"nodes": {"workers": ["w7"]}}).nodes.addresses
    many = load({"nodes": {"workers": ["w3", "w7", {"name": "x", "address": "192.168.77.9"}]}}).nodes.addresses
    assert few["w7"] == many["w7"] == "192.168.77.107"
    assert many["x"] == "192.168.77.9"


def test_all_problems_of_a_file_are_told_at_once_in_the_order_of_its_sections() -> None:
    raw = {
        "ingress": {"config": {"worker-connections": 10240, "keep-alive": "65"}, "http_port": 10250},
        "nodes": {"control_planes": ["cp1", "cp2"], "workers": ["w1", "w1", "W_9"]},
        "network": {"pod_cidr": "10.100.0.0/16", "vxlan_mode": "Always", "blocksize": 24},
        "kube_proxy": {"mode": "ipvs", "scheduler": "round-robin"},
        "kubernetes": {"version": "v1.20.0"},
        "demo": {"host": "Demo"},
    }
    assert [line.split(":")[0] for line in problems(raw)] == [
        "kubernetes.version",
        "kube_proxy.scheduler",
        "network.blocksize",
        "network.pod_cidr",
        "network.vxlan_mode",
        "ingress.config.keep-alive",
        "ingress.config.worker-connections",
        "ingress.http_port",
        "demo.host",
        "nodes.workers[W_9].name",
        "nodes.control_planes",
        "nodes.workers[w1].name",
    ]


def test_refusal_counts_its_problems() -> None:
    with pytest.raises(SettingsError) as refused:
        load({"demo": {"replicas": 0, "host": "X"}})
    assert str(refused.value).splitlines() == [
        "2 problems in the stack's settings:",
        "  - demo.host: X is not a host name; use lower-case DNS labels joined by dots, e.g. demo.fjord.internal",
        "  - demo.replicas: 0 is too small; use 1 or more",
    ]


@pytest.mark.parametrize(
    ("raw", "fields"),
    [
        # would the default be taken in place of the refused range, it would overlap with these
        ({"network": {"pod_cidr": "x"}, "kubernetes": {"service_cidr": "10.244.0.0/16"}}, ["network.pod_cidr"]),
        ({"network": {"pod_cdir": "172.16.0.0/16"}, "kubernetes": {"service_cidr": "10.244.0.0/16"}},
         ["network.pod_cdir"]),
        ({"network": {"encapsulaton": "vxlan-cross-subnet", "vxlan_mode": "CrossSubnet"}}, ["network.encapsulaton"]),
        # the length of the list is known, whatever is wrong with its items
        ({"nodes": {"control_planes": ["cp1", {"name": "cp2", "cpus": 1}]}},
         ["nodes.control_planes[cp2].cpus", "nodes.control_planes"]),
        ({"nodes": {"workers": "w1"}, "network": {"pod_cidr": "10.244.0.0/24", "block_size": 24}}, ["nodes.workers"]),
        # of an unknown variant, no other key can be judged
        ({"kube_proxy": {"mode": "ipsv", "scheduler": "x"}}, ["kube_proxy.mode"]),
    ],
)  # fmt: skip
def test_contradiction_that_rests_on_a_refused_field_is_not_told(raw: Any, fields: list[str]) -> None:
    assert [line.split(":")[0] for line in problems(raw)] == fields


def fields(model: type[BaseModel], at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The place of every field, the first of every list's items among them; of nginx's keys, one of each type."""
    types = set()
    for name, field in model.model_fields.items():
        place = (*at, field.alias or name)
        kind = repr((field.annotation, field.metadata))
        if model is not NginxConfig or kind not in types:
            yield place
        types.add(kind)
        for inner in models_in(field.annotation):
            yield from fields(inner, (*place, 0) if get_origin(field.annotation) is list else place)


PLACES = sorted(set(fields(Stack)), key=str)


def file(place: tuple[str | int, ...], value: Any) -> Any:
    for part in reversed(place):
        value = [value] if isinstance(part, int) else {part: value}
    return value


JUNK: list[Any] = [
    None, True, 0, -1, 1.5, 10**30, float("nan"), float("inf"), "", " ", "\n", "é", "on", "65", b"x", [], [None],
    [[1]], [True], ["x", 1], {}, {"a": 1}, {1: 2}, [{}], [{"name": None}], [{"name": []}], {"name": {}},
]  # fmt: skip


@pytest.mark.parametrize("place", PLACES, ids=lambda place: ".".join(map(str, place)))
def test_whatever_stands_in_a_field_is_accepted_or_refused_by_field_state_and_fix(place: tuple[str | int, ...]) -> None:
    for junk in JUNK:
        for line in problems(file(place, junk)):
            field, colon, message = line.partition(": ")
            assert colon
            assert field.startswith(str(place[0])) or junk == {1: 2}
            assert "; " in message
            assert "is not valid (" not in message, f"{junk!r} has no words of its own"


@pytest.mark.parametrize("place", PLACES, ids=lambda place: ".".join(map(str, place)))
def test_secret_in_a_field_is_refused_and_never_repeated(place: tuple[str | int, ...]) -> None:
    for secret in SECRETS:
        for value in (secret, [secret], {"name": secret}):
            for line in problems(file(place, value)):
                # a name that is a DNS label is accepted, and told where the node has no address
                assert secret not in line or "has no trailing number" in line


def test_value_of_an_unknown_key_is_never_repeated() -> None:
    for value in ("hunter2", {"inner": "hunter2"}, ["hunter2"]):
        for place in ("password", "nodes.password", "ingress.config.password"):
            (line,) = problems(file(tuple(place.split(".")), value))
            assert "hunter2" not in line


def test_model_itself_hides_what_it_refuses() -> None:
    with pytest.raises(ValidationError) as refused:
        Stack.model_validate({"network": {"pod_cidr": "hunter2-hunter2-hunter2"}})
    assert "hunter2" not in str(refused.value)


def test_stack_of_another_program_is_as_consistent_as_a_file() -> None:
    with pytest.raises(ValidationError, match="lies inside kubernetes"):
        Stack.model_validate({"network": {"pod_cidr": "10.100.0.0/16"}})


def test_settings_cannot_be_changed() -> None:
    stack = load({})
    with pytest.raises(ValidationError, match="frozen"):
        stack.demo.replicas = 3


def test_every_field_has_its_meaning() -> None:
    def without(model: type[BaseModel]) -> Iterator[str]:
        for name, field in model.model_fields.items():
            if not field.description:
                yield f"{model.__name__}.{name}"
            for inner in models_in(field.annotation):
                yield from without(inner)

    assert list(without(Stack)) == []


def test_key_has_one_spelling() -> None:
    def spellings(model: type[BaseModel]) -> Iterator[str]:
        yield from keys(model)
        for field in model.model_fields.values():
            for inner in models_in(field.annotation):
                yield from spellings(inner)

    assert [key for key in spellings(Stack) if key != key.lower() or ("-" in key and "_" in key)] == []


@pytest.mark.parametrize("path", sorted((CHECKOUT / "stacks").glob("Pulumi.*.yaml")), ids=lambda path: path.name)
def test_every_stack_of_the_checkout_loads_and_names_its_schema(path: Any) -> None:
    text = path.read_text()
    load(yaml.safe_load(text)["config"]["fjordkube:stack"])
    assert text.startswith("# yaml-language-server: $schema=stack.schema.json\n")
