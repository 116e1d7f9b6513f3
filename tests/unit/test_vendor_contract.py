"""The schema that adapters' authors read says what the driver asks and accepts: neither can change alone."""

from __future__ import annotations

import dataclasses
import json
import re
import typing
from typing import Any

import pytest

from fjordkube.helpers.errors import HelperError
from fjordkube.helpers.vendor import contract
from fjordkube.helpers.vendor.contract import Order
from fjordkube.roots import CHECKOUT
from fjordkube.settings.nodes.node import Role
from tests.vendor import fake_vendor

SCHEMA: dict[str, Any] = json.loads((CHECKOUT / "docs" / "sources" / "vendor-contract.schema.json").read_text())
VERBS = ("create", "read", "delete", "list")
KINDS: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "object": dict,
    "array": list,
}
KEYWORDS = {
    *("type", "enum", "const", "pattern", "minimum", "maximum", "required", "properties", "additionalProperties"),
    *("items", "if", "then", "$ref", "description"),
}
"""What `valid` knows of JSON Schema; `anyOf` and `oneOf` stand at the top alone."""

ORDER = Order(
    name="prod-cp1",
    hostname="cp1",
    role="control-plane",
    zone="no-osl1",
    plan="nvme-4",
    image="debian-13",
    private_network="10.1.0.0/24",
    private_address="10.1.0.11",
    etcd_disk="yes",
    ssh_public_key="ssh-ed25519 AAAA",
)
RUNNING = {
    "contract": "1",
    "name": "prod-cp1",
    "state": "running",
    "zone": "no-osl1",
    "public_address": "203.0.113.7",
    "private_address": "10.1.0.11",
    "host_key": fake_vendor.PAPER_KEY,
    "ports": {"ssh": 2211, "api": 16443},
    "id": "4711",
}


def definition(name: str) -> dict[str, Any]:
    found: dict[str, Any] = SCHEMA["$defs"][name]
    return found


def valid(value: Any, schema: dict[str, Any]) -> bool:
    """Whether the value is of the schema: the few keywords of JSON Schema that ours has."""
    assert schema.keys() <= KEYWORDS, schema.keys() - KEYWORDS
    if "$ref" in schema and not valid(value, definition(schema["$ref"].removeprefix("#/$defs/"))):
        return False
    kind = schema.get("type")
    if kind and not (isinstance(value, KINDS[kind]) and (kind == "boolean" or not isinstance(value, bool))):
        return False
    if "const" in schema and value != schema["const"]:
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    if "pattern" in schema and not re.fullmatch(schema["pattern"], value):
        return False
    if isinstance(value, int) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        return False
    if "items" in schema and not all(valid(one, schema["items"]) for one in value):
        return False
    if isinstance(value, dict):
        known = schema.get("properties", {})
        if not set(schema.get("required", ())) <= value.keys():
            return False
        if schema.get("additionalProperties") is False and not value.keys() <= known.keys():
            return False
        if not all(valid(value[key], known[key]) for key in value.keys() & known.keys()):
            return False
    return "if" not in schema or not valid(value, schema["if"]) or valid(value, schema["then"])


def taken(answer: dict[str, Any]) -> bool:
    """Whether the driver takes it as the running machine that was ordered."""
    try:
        parsed = contract.parse(json.dumps(answer), "read")
        if contract.state(parsed, "read", ORDER.name) == "running":
            contract.facts(parsed, ORDER)
    except HelperError:
        return False
    return True


def requests() -> dict[str, dict[str, Any]]:
    return {
        "create": ORDER.request,
        "read": contract.named("read", "prod-cp1"),
        "delete": contract.named("delete", "prod-cp1"),
        "list": contract.listing(),
    }


def references(schema: Any) -> set[str]:
    """Names of all definitions that are referred to."""
    if isinstance(schema, list):
        return set().union(*map(references, schema))
    if not isinstance(schema, dict):
        return set()
    found = set().union(*map(references, schema.values()))
    return found | ({schema["$ref"].removeprefix("#/$defs/")} if "$ref" in schema else set())


def test_every_definition_is_referred_to_and_every_reference_is_defined() -> None:
    assert references(SCHEMA) == SCHEMA["$defs"].keys()
    assert {f"{verb}_{side}" for verb in VERBS for side in ("request", "answer")} <= SCHEMA["$defs"].keys()


def test_version_states_uses_and_patterns_are_the_drivers() -> None:
    assert definition("contract")["const"] == contract.VERSION
    assert SCHEMA["$id"].endswith(f":{contract.VERSION}")
    assert tuple(definition("state")["enum"]) == contract.STATES
    running = definition("running")["properties"]
    assert tuple(running["ports"]["properties"]) == contract.PORTS
    assert running["host_key"]["pattern"] == contract.HOST_KEY.pattern
    assert running["public_address"]["pattern"] == contract.PUBLIC.pattern


def test_create_request_has_the_orders_fields_and_no_others() -> None:
    schema = definition("create_request")
    fields = [field.name for field in dataclasses.fields(Order)]
    assert schema["required"] == ["contract", "verb", *fields, "idempotency_key"]
    assert list(schema["properties"]) == schema["required"]
    assert tuple(schema["properties"]["role"]["enum"]) == typing.get_args(Role)


@pytest.mark.parametrize("verb", VERBS)
def test_every_request_of_the_driver_is_of_its_definition_alone_and_has_no_field_that_is_not_in_it(verb: str) -> None:
    request = requests()[verb]
    assert request["verb"] == verb
    assert {other for other in VERBS if valid(request, definition(f"{other}_request"))} == {verb}
    assert request.keys() == definition(f"{verb}_request")["properties"].keys()


@pytest.mark.parametrize("verb", VERBS)
def test_answers_of_an_honest_vendor_are_of_the_schema_and_taken(verb: str, tmp_path: Any) -> None:
    if verb != "create":
        fake_vendor.answers(tmp_path, "paper", "create", ORDER.request)
    answer = {"contract": "1", **fake_vendor.answers(tmp_path, "paper", verb, requests()[verb])}
    assert valid(answer, definition(f"{verb}_answer"))
    if verb == "list":
        assert contract.names(answer) == ["prod-cp1"]
    else:
        assert taken(answer)


CHANGES: dict[str, dict[str, Any]] = {
    "as it is": {},
    "building": {"state": "building"},
    "building with nothing known yet": {"state": "building", "host_key": None, "public_address": ""},
    "another version": {"contract": "2"},
    "a number as version": {"contract": 1},
    "a state of its own": {"state": "thinking"},
    "an address with a space": {"public_address": "203.0.113.7 "},
    "an address with a newline": {"public_address": "203.0.113.7\n"},
    "a host name": {"public_address": "vm-7.vendor.example"},
    "a key with a comment": {"host_key": f"{fake_vendor.PAPER_KEY} root@vm"},
    "a key with a newline": {"host_key": f"{fake_vendor.PAPER_KEY}\n"},
    "a key of an unknown kind": {"host_key": "ssh-dss " + "A" * 60},
    "a fingerprint": {"host_key": "SHA256:" + "A" * 43},
    "no key": {"host_key": None},
    "no ports": {"ports": {}},
    "ports that are nothing": {"ports": None},
    "a port as text": {"ports": {"ssh": "22"}},
    "port 0": {"ports": {"ssh": 0}},
    "port 65536": {"ports": {"ssh": 65536}},
    "a port that is true": {"ports": {"ssh": True}},
    "a port for something else": {"ports": {"rdp": 3389}},
    "an id that is a number": {"id": 4711},
    "a zone that is none": {"zone": None},
    "a field more": {"price": 199},
}


@pytest.mark.parametrize("what", CHANGES)
def test_schema_and_driver_judge_an_answer_alike(what: str) -> None:
    answer = RUNNING | CHANGES[what]
    assert valid(answer, definition("read_answer")) == taken(answer)


@pytest.mark.parametrize("missing", RUNNING)
def test_schema_and_driver_judge_a_missing_field_alike(missing: str) -> None:
    answer = {key: value for key, value in RUNNING.items() if key != missing}
    assert valid(answer, definition("read_answer")) == taken(answer)
    assert taken(answer) == (missing in ("id", "ports"))


@pytest.mark.parametrize(
    "machines", [[], [{"name": "a"}], [{"name": "a", "id": 7}], None, {}, ["a"], [{}], [{"name": 7}], [[]]]
)
def test_schema_and_driver_judge_a_list_alike(machines: Any) -> None:
    answer = {"contract": "1", "machines": machines}
    try:
        contract.names(answer)
    except HelperError:
        accepted = False
    else:
        accepted = True
    assert valid(answer, definition("list_answer")) == accepted
