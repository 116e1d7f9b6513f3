"""What is written from the models: the schema that editors use, and the reference page."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from fjordkube.roots import CHECKOUT
from fjordkube.settings import Stack, reference, schema
from fjordkube.settings.explanation import keys


def test_schema_in_the_checkout_is_current() -> None:
    assert schema.FILE.read_text() == schema.text(), "run python -m fjordkube.settings.schema --write"


def test_reference_in_the_checkout_is_current() -> None:
    assert reference.FILE.read_text() == reference.text(), "run python -m fjordkube.settings.reference --write"


@pytest.mark.parametrize("module", [schema, reference])
def test_write_updates_the_file_and_nothing_is_the_print(
    module: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "docs" / "page"
    target.parent.mkdir()
    monkeypatch.setattr(module, "FILE", target)
    module.main([])
    assert capsys.readouterr().out == module.text()
    assert not target.exists()
    module.main(["--write"])
    assert target.read_text() == module.text()


def test_schema_knows_every_section_and_refuses_unknown_keys() -> None:
    written = json.loads(schema.text())
    stack = written["$defs"]["Stack"]
    assert list(stack["properties"]) == list(Stack.model_fields)
    open_ones = [name for name, entry in written["$defs"].items() if entry.get("additionalProperties") is not False]
    assert open_ones == []


def test_schema_takes_a_node_that_is_only_a_name_and_a_section_without_its_tag() -> None:
    definitions = json.loads(schema.text())["$defs"]
    workers = definitions["LocalNodes"]["properties"]["workers"]
    assert {"type": "string", "description": "The node's name."} in workers["items"]["anyOf"]
    proxy = definitions["Stack"]["properties"]["kube_proxy"]
    assert "oneOf" not in proxy
    assert len(proxy["anyOf"]) == 3


def test_reference_has_a_row_for_every_nginx_key_and_a_table_for_every_section() -> None:
    page = reference.text()
    for section in Stack.model_fields:
        assert f"\n## {section}\n" in page
    for key in keys(type(Stack().ingress.config)):
        assert page.count(f"| `ingress.config.{key}` |") == 1


def test_row_of_the_reference_tells_type_default_and_meaning() -> None:
    rows = [line.strip("| ").split(" | ") for line in reference.text().splitlines() if line.startswith("| ")]
    told: dict[str, list[str]] = {}
    for row in rows:
        told.setdefault(row[0], row[1:])  # the first source of nodes is local
    assert told["`network.pod_cidr`"] == [
        "Cidr",
        "`10.244.0.0/16`",
        "Pod addresses, e.g. 10.244.0.0/16; /8 to /24, as kubeadm asks (its node mask is /24), and at least one block "
        "for each node.",
    ]
    assert told["`kube_proxy.mode`"] == ["`ipvs`, `nftables` or `iptables`", "`ipvs`", "Which of the above."]
    assert told["`kube_proxy.scheduler`"][2] == "How IPVS picks an endpoint, e.g. rr (round robin). Only with `ipvs`."
    assert told["`nodes.workers[].ports.http`"][:2] == ["whole number, 1024 to 65535", "not set"]
    assert told["`nodes.workers[].name`"][:2] == ["NodeName", "required"]
    assert told["`nodes.control_planes`"][:2] == ["list of names or mappings", "`[cp1]`"]
    ranges = [row[2] for row in rows if row[0] == "`nodes.private_cidr`"]
    assert "required" in ranges, "machines that exist already have one of their own"
    assert told["`nodes.ssh.bastion.port`"][1] == "`22`", "of a section that is left out by default"
    assert told["`ingress.config.custom-http-errors`"][0] == "list of whole numbers, 300 to 599"
    assert told["Cidr"] == ["An IPv4 network without host bits, e.g. 10.244.0.0/16."]


def test_every_type_that_the_reference_names_is_explained() -> None:
    page = reference.text()
    fields, _, types = page.partition("## Types")
    named = {line.split(" | ")[1].removeprefix("list of ") for line in fields.splitlines() if line.startswith("| `")}
    capitalised = {name for name in named if name[0].isupper()}
    assert capitalised
    assert all(f"| {name} | " in types for name in capitalised)


def test_example_of_the_reference_is_a_valid_stack() -> None:
    example = reference.HEAD.partition("```yaml\n")[2].partition("```")[0]
    Stack.model_validate(yaml.safe_load(example)["config"]["fjordkube:stack"])


def test_stack_files_lie_beside_the_schema() -> None:
    assert schema.FILE.parent == CHECKOUT / "stacks"
