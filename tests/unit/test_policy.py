"""The policy pack's rules, each with what passes and what does not; pure functions on a resource's inputs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pulumi_policy import EnforcementLevel, ResourceValidationArgs
from pulumi_policy import policy as sdk
from pulumi_policy.proxy import UnknownValueError, unknown_checking_proxy

from fjordkube.providers.openstack import NREC, SAFESPRING
from fjordkube.providers.upcloud import UPCLOUD
from fjordkube.settings import load
from policy import encryption, exposure, labels, norway, protection, shortcut
from policy.resource import PRODUCTION, Resource, Rule, in_production, seen, stack_of
from policy.rules import RULES
from tests.golden.bootstrap_cluster import policy

SERVER = "upcloud:index/server:Server"
STORAGE = "upcloud:index/storage:Storage"
INSTANCE = "openstack:compute/instance:Instance"
VOLUME = "openstack:blockstorage/volume:Volume"
FIREWALL = exposure.FIREWALL
GROUP_RULE = exposure.GROUP_RULE
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""Pulumi's mark of a text that is not known before an update."""


def resource(token: str, production: bool = False, protected: bool = False, **inputs: Any) -> Resource:
    return Resource(token, inputs, "prod" if production else "test", protected, production)


# --- Which stacks are production -------------------------------------------------------------------------------------


def test_a_stacks_name_says_whether_it_is_production() -> None:
    assert stack_of("urn:pulumi:prod::fjordkube::a:b:C$upcloud:index/server:Server::nodes-cp1") == "prod"
    assert in_production("prod", PRODUCTION)
    assert in_production("production", PRODUCTION)
    assert not in_production("preprod", PRODUCTION)
    assert in_production("live-oslo", ["live-*"])
    assert not in_production("prod", ["live-*"])


@pytest.mark.parametrize(("config", "production"), [({}, True), ({"production": ["live"]}, False)])
def test_the_pack_can_be_told_other_names(config: Mapping[str, Any], production: bool) -> None:
    args = SimpleNamespace(
        urn="urn:pulumi:prod::fjordkube::upcloud:index/server:Server::cp1",
        resource_type=SERVER,
        props={"zone": "no-svg1"},
        opts=SimpleNamespace(protect=True),
        get_config=lambda: config,
    )
    found = seen(cast(Any, args))
    assert (found.stack, found.production, found.protected) == ("prod", production, True)
    assert found.inputs["zone"] == "no-svg1"


# --- residency -------------------------------------------------------------------------------------------------------

NORWEGIAN = [
    (SERVER, {"zone": "no-svg1"}),
    (STORAGE, {"zone": "no-svg1"}),
    (INSTANCE, {"region": "osl"}),
    (INSTANCE, {"region": "bgo"}),
    (VOLUME, {"region": "osl2"}),
    (INSTANCE, {"region": "RegionOne"}),
    (INSTANCE, {}),
    (norway.DECLARED, {"wanted": "norway"}),
    ("command:remote:Command", {"zone": "fi-hel1"}),
]
FOREIGN = [
    (SERVER, {"zone": "fi-hel1"}),
    (SERVER, {"zone": "no-svg2"}),
    (STORAGE, {"zone": "uk-lon1"}),
    ("upcloud:index/loadbalancer:Loadbalancer", {"zone": "se-sto1"}),
    ("upcloud:index/managedObjectStorage:ManagedObjectStorage", {"region": "europe-1"}),
    (INSTANCE, {"region": "sto1"}),
    ("openstack:objectstorage/container:Container", {"region": "sto2"}),
    (VOLUME, {"region": "se-stockholm"}),
]


@pytest.mark.parametrize(("token", "inputs"), NORWEGIAN)
@pytest.mark.parametrize("production", [True, False])
def test_what_is_in_norway_passes(token: str, inputs: dict[str, Any], production: bool) -> None:
    judged = resource(token, production, **inputs)
    assert [*norway.in_production(judged), *norway.elsewhere(judged)] == []


@pytest.mark.parametrize(("token", "inputs"), FOREIGN)
def test_what_is_abroad_is_refused_in_production_and_said_elsewhere(token: str, inputs: dict[str, Any]) -> None:
    place = next(iter(inputs.values()))
    (refused,) = norway.in_production(resource(token, production=True, **inputs))
    assert f"{place} is not in Norway; " in refused
    assert list(norway.elsewhere(resource(token, production=True, **inputs))) == []
    (said,) = norway.elsewhere(resource(token, **inputs))
    assert said == refused
    assert list(norway.in_production(resource(token, **inputs))) == []


@pytest.mark.parametrize("wanted", ["eea", "any"])
def test_a_wider_residency_is_refused_in_production_alone(wanted: str) -> None:
    (line,) = norway.in_production(resource(norway.DECLARED, production=True, wanted=wanted))
    assert line == f"the stack says residency: {wanted}; remove it from the stack file"
    test = resource(norway.DECLARED, wanted=wanted)
    assert [*norway.in_production(test), *norway.elsewhere(test)] == []


def test_every_zone_of_the_tables_is_judged_as_its_country_says() -> None:
    for zone, place in UPCLOUD.zones.items():
        refused = list(norway.in_production(resource(SERVER, production=True, zone=zone)))
        assert bool(refused) == (place.country != "NO")
    for region, place in {**NREC.zones, **SAFESPRING.zones}.items():
        refused = list(norway.in_production(resource(INSTANCE, production=True, region=region)))
        assert bool(refused) == (place.country != "NO")


# --- no-public-ports -------------------------------------------------------------------------------------------------

DROP_ALL = {"direction": "in", "action": "drop"}


def accept(*ports: int, **more: str) -> dict[str, str]:
    span = {"destinationPortStart": str(ports[0]), "destinationPortEnd": str(ports[-1])}
    return {"direction": "in", "action": "accept", "protocol": "tcp", "family": "IPv4", **span, **more}


def opened(*rules: Mapping[str, str]) -> list[str]:
    return list(exposure.open_ports(resource(FIREWALL, firewallRules=list(rules))))


def test_a_firewall_that_opens_what_is_meant_for_everybody_passes() -> None:
    admins = {"sourceAddressStart": "203.0.113.0", "sourceAddressEnd": "203.0.113.255"}
    nodes = {"sourceAddressStart": "10.0.0.0", "sourceAddressEnd": "10.255.255.255"}
    assert opened(accept(80), accept(443), accept(22, **admins), accept(179, **nodes), DROP_ALL) == []
    assert opened(accept(22, protocol="udp"), {**accept(22), "direction": "out"}, DROP_ALL) == []


@pytest.mark.parametrize(("port", "what"), exposure.CLOSED.items())
@pytest.mark.parametrize(
    "source",
    [
        {},
        {"sourceAddressStart": "0.0.0.0", "sourceAddressEnd": "255.255.255.255"},
        {"sourceAddressStart": "0.0.0.0", "sourceAddressEnd": "127.255.255.255"},
    ],
)
def test_a_closed_port_that_everybody_reaches_is_refused(port: int, what: str, source: dict[str, str]) -> None:
    message = f"port {port} ({what}) is open to 0.0.0.0/0; name the networks that may reach it"
    assert opened(accept(port, **source), DROP_ALL) == [message]
    assert message in opened(accept(1, 65535, **source), DROP_ALL)
    assert message in opened({"direction": "in", "action": "accept", **source}, DROP_ALL)


def test_the_first_rule_that_fits_decides() -> None:
    drop = {**accept(2379, 2380), "action": "drop"}
    kubelet = {**accept(10250), "action": "drop"}
    assert opened(drop, kubelet, accept(1024, 65535), DROP_ALL) == []
    assert len(opened(accept(1024, 65535), drop, kubelet, DROP_ALL)) == 3
    everybody = {"sourceAddressStart": "0.0.0.0", "sourceAddressEnd": "255.255.255.255"}
    assert opened({**accept(22, **everybody), "action": "drop"}, accept(22), DROP_ALL) == []


def test_a_drop_of_a_part_closes_nothing() -> None:
    part = {"sourceAddressStart": "0.0.0.0", "sourceAddressEnd": "127.255.255.255"}
    assert opened({**accept(22, **part), "action": "drop"}, accept(22), DROP_ALL)


def test_ipv6_is_looked_at_by_itself() -> None:
    (line,) = opened(accept(22, family="IPv6"), DROP_ALL)
    assert "::/0" in line


def test_a_list_without_an_end_leaves_everything_open() -> None:
    assert len(opened(accept(443))) == 2 * len(exposure.CLOSED)
    assert len(opened()) == 2 * len(exposure.CLOSED)


def group_rule(**inputs: Any) -> list[str]:
    more = {"direction": "ingress", "ethertype": "IPv4", "protocol": "tcp", **inputs}
    return list(exposure.open_ports(resource(GROUP_RULE, **more)))


@pytest.mark.parametrize("prefix", ["0.0.0.0/0", "::/0", "0.0.0.0/1", "", None])
def test_a_group_rule_for_everybody_on_a_closed_port_is_refused(prefix: str | None) -> None:
    (line,) = group_rule(portRangeMin=2379, portRangeMax=2379, remoteIpPrefix=prefix)
    assert line.startswith("port 2379 (etcd) is open to ")
    assert len(group_rule(portRangeMin=2000, portRangeMax=3000, remoteIpPrefix=prefix)) == 2
    assert len(group_rule(remoteIpPrefix=prefix, protocol=None)) == len(exposure.CLOSED)


def test_a_group_rule_for_somebody_or_for_another_port_passes() -> None:
    assert group_rule(portRangeMin=443, portRangeMax=443, remoteIpPrefix="0.0.0.0/0") == []
    assert group_rule(portRangeMin=22, portRangeMax=22, remoteIpPrefix="203.0.113.0/24") == []
    assert group_rule(remoteIpPrefix="10.0.0.0/8", protocol=None) == []
    assert group_rule(portRangeMin=2379, portRangeMax=2380, remoteGroupId="group") == []
    assert group_rule(direction="egress", remoteIpPrefix="0.0.0.0/0") == []
    assert group_rule(protocol="icmp", remoteIpPrefix="0.0.0.0/0") == []


def test_the_rules_that_this_project_renders_pass() -> None:
    from fjordkube.firewall.openstack import security_group
    from fjordkube.firewall.upcloud import firewall_rules

    stack = load({"firewall": {"admin_cidrs": ["203.0.113.0/24"]}})
    for role in ("control-plane", "worker"):
        rules = [{_camel(key): value for key, value in entry.items()} for entry in firewall_rules(policy(stack), role)]
        assert opened(*rules) == []
        for entry in security_group(policy(stack), role):
            found = group_rule(
                protocol=entry.protocol,
                portRangeMin=entry.port_range_min,
                portRangeMax=entry.port_range_max,
                remoteIpPrefix=entry.remote_ip_prefix,
            )
            assert found == []


def test_the_rules_that_this_project_renders_for_everybody_as_administrator_do_not() -> None:
    from fjordkube.firewall.openstack import security_group
    from fjordkube.firewall.upcloud import firewall_rules

    stack = load({"firewall": {"admin_cidrs": ["0.0.0.0/0"]}})
    rules = [{_camel(key): value for key, value in entry.items()} for entry in firewall_rules(policy(stack), "worker")]
    assert any("(SSH)" in line for line in opened(*rules))
    found = [
        line
        for entry in security_group(policy(stack), "worker")
        for line in group_rule(
            protocol=entry.protocol, portRangeMin=entry.port_range_min, remoteIpPrefix=entry.remote_ip_prefix
        )
    ]
    assert any("(SSH)" in line for line in found)


def _camel(key: str) -> str:
    first, *rest = key.split("_")
    return first + "".join(part.capitalize() for part in rest)


def test_a_group_that_has_no_id_yet_is_somebody() -> None:
    unknown = unknown_checking_proxy({"direction": "ingress", "remoteGroupId": UNKNOWN})
    assert list(exposure.open_ports(Resource(GROUP_RULE, unknown))) == []


# --- protected-in-production -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", protection.KEPT)
def test_servers_and_disks_of_production_are_protected(token: str) -> None:
    (line,) = protection.unprotected(resource(token, production=True))
    assert line.endswith("; set nodes.protect: true")
    assert list(protection.unprotected(resource(token, production=True, protected=True))) == []
    assert list(protection.unprotected(resource(token))) == []


def test_servers_and_disks_of_both_clouds_are_known() -> None:
    assert protection.KEPT.keys() == {SERVER, STORAGE, INSTANCE, VOLUME}
    assert labels.LABELLED.keys() == {SERVER, INSTANCE}
    assert encryption.ENCRYPTED.keys() == {SERVER, STORAGE}


def test_what_is_no_server_needs_no_protection() -> None:
    assert list(protection.unprotected(resource(FIREWALL, production=True))) == []


# --- encrypted-disks -------------------------------------------------------------------------------------------------


def test_plain_disks_are_refused_where_the_provider_encrypts() -> None:
    assert list(encryption.plain_disks(resource(SERVER, template={"encrypt": False})))
    assert list(encryption.plain_disks(resource(SERVER, template={})))
    assert list(encryption.plain_disks(resource(STORAGE)))


def test_encrypted_disks_pass_and_openstacks_cannot_be_judged() -> None:
    assert list(encryption.plain_disks(resource(SERVER, template={"encrypt": True}))) == []
    assert list(encryption.plain_disks(resource(SERVER))) == []
    assert list(encryption.plain_disks(resource(STORAGE, encrypt=True))) == []
    assert list(encryption.plain_disks(resource(VOLUME))) == []


# --- stack-label -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("token", "field"), labels.LABELLED.items())
def test_servers_name_their_stack(token: str, field: str) -> None:
    def lines(**inputs: Any) -> list[str]:
        return list(labels.unlabelled(resource(token, **inputs)))

    assert lines(**{field: {"fjordkube-stack": "test"}}) == []
    assert lines(**{field: {"other": "x"}}) == [f"{field} have no fjordkube-stack; set it to test"]
    assert lines() == [f"{field} have no fjordkube-stack; set it to test"]
    assert lines(**{field: {"fjordkube-stack": "prod"}}) == ["fjordkube-stack is prod; set it to test"]


def test_other_resources_need_no_label() -> None:
    assert list(labels.unlabelled(resource(FIREWALL))) == []


# --- The pack --------------------------------------------------------------------------------------------------------


def test_the_pack_has_every_rule_once_and_all_but_one_refuse() -> None:
    assert [rule.name for rule in RULES] == [
        "residency-in-production",
        "residency",
        "no-public-ports",
        "protected-in-production",
        "encrypted-disks",
        "stack-label",
    ]
    levels = {rule.name for rule in RULES if rule.enforcement_level is not EnforcementLevel.MANDATORY}
    assert levels == {"residency"}
    folder = Path(norway.__file__).parent
    beside = {"__init__", "__main__", "tables", "resource", "rules", "shortcut"}
    assert len({path.stem for path in folder.glob("*.py")} - beside) == 5


def judged(rule: Rule, token: str, inputs: Mapping[str, Any]) -> list[str]:
    args = ResourceValidationArgs(
        token,
        inputs,
        f"urn:pulumi:prod::fjordkube::{token}::thing",
        "thing",
        cast(Any, SimpleNamespace(protect=False)),
        None,
    )
    lines: list[str] = []
    rule.validate(args, lambda message, urn: lines.append(message))
    return lines


@pytest.mark.parametrize(
    ("name", "token", "inputs"),
    [
        ("residency-in-production", SERVER, {"zone": "fi-hel1"}),
        ("residency-in-production", norway.DECLARED, {"wanted": "any"}),
        ("no-public-ports", FIREWALL, {"firewallRules": []}),
        ("no-public-ports", GROUP_RULE, {"direction": "ingress"}),
        ("protected-in-production", INSTANCE, {}),
        ("encrypted-disks", STORAGE, {}),
        ("stack-label", INSTANCE, {}),
    ],
)
def test_a_rule_reaches_the_types_that_it_judges(name: str, token: str, inputs: dict[str, Any]) -> None:
    rule = next(rule for rule in RULES if rule.name == name)
    assert judged(rule, token, inputs)
    assert judged(rule, "command:remote:Command", inputs) == []


def test_what_is_not_known_before_an_update_is_not_judged_as_if_it_were() -> None:
    rule = next(rule for rule in RULES if rule.name == "residency-in-production")
    with pytest.raises(UnknownValueError):
        judged(rule, SERVER, unknown_checking_proxy({"zone": UNKNOWN}))


def test_types_that_no_rule_names_are_answered_without_the_sdk() -> None:
    asked: list[str] = []

    def whole(_self: Any, request: Any, _context: Any) -> str:
        asked.append(request.type)
        return "judged"

    quick = shortcut.analyze(whole, frozenset({SERVER}))
    assert quick(None, SimpleNamespace(type=SERVER), None) == "judged"
    assert not quick(None, SimpleNamespace(type="kubernetes:core/v1:ConfigMap"), None).diagnostics
    assert asked == [SERVER]
    assert callable(sdk._PolicyAnalyzerServicer.Analyze)
    assert callable(sdk._PolicyAnalyzerServicer.Remediate)
