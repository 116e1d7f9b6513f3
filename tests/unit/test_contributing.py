"""What CONTRIBUTING says that an addition touches is what names it, and no more than is promised."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.answers import SOURCES
from fjordkube.roots import CHECKOUT
from fjordkube.settings import load
from fjordkube.settings.stack import Stack

PROGRAM = ("components", "commands", "offline", "policy")


def section(title: str) -> str:
    found = re.search(rf"(?ms)^## {title}\n(.*?)(?=^## |\Z)", (CHECKOUT / "CONTRIBUTING.md").read_text())
    assert found
    return found[1]


def listed(title: str) -> list[set[str]]:
    """Files that each table of the section names."""
    tables = re.findall(r"(?m)(?:^\|.*\n)+", section(title))
    paths = [set(re.findall(r"`([\w./-]+\.(?:py|yaml|md|toml|sh))`", table)) for table in tables]
    for path in (path for table in paths for path in table):
        assert (CHECKOUT / path).is_file(), path
    return paths


def constants(tree: ast.AST) -> Iterator[str]:
    """Texts that the program reads, names and parts of imported modules; no comments, no documentation."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value.value = None  # documentation
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value.partition(":")[0]  # a type token's package
        elif isinstance(node, ast.ImportFrom):
            yield from (node.module or "").split(".")
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (part for alias in node.names for part in alias.name.split("."))
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Name):
            yield node.id


def naming(name: str, folders: tuple[str, ...] = PROGRAM) -> set[str]:
    """Python files of these folders that name it or are named by it."""
    found = set()
    for folder in folders:
        for file in (CHECKOUT / folder).rglob("*.py"):
            path = str(file.relative_to(CHECKOUT))
            words = set(constants(ast.parse(file.read_text())))
            if file.stem == name or words & {name, f"pulumi_{name}"}:
                found.add(path)
    return found


def outside(source: str) -> set[str]:
    return {path for path in naming(source) if not path.startswith(f"components/nodes/{source}/")}


def of_the_program(paths: set[str]) -> set[str]:
    return {path for path in paths if path.startswith(PROGRAM)}


def test_a_source_touches_eight_files_outside_its_folder_and_a_cloud_five_more() -> None:
    eight, more = listed("A source of nodes")
    assert len(eight) == 8
    assert len(more) == 5


def test_the_program_names_a_source_where_the_lists_say_and_nowhere_else() -> None:
    eight, more = listed("A source of nodes")
    assert outside("vendor_cli") == of_the_program(eight)
    assert outside("upcloud") == of_the_program({path.replace("vendor_cli", "upcloud") for path in eight} | more)
    assert outside("openstack") == {path.replace("upcloud", "openstack") for path in outside("upcloud")}


def test_a_gate_touches_four_files_beside_its_own() -> None:
    (four,) = listed("A gate")
    assert len(four) == 4
    own = {"components/gates/data_path.py", "components/helpers/gates/data_path.py"}
    # what it measures with, and between which pods, are its own parts
    parts = {"components/helpers/gates/pair.py", "components/gates/probe.py"}
    assert naming("data-path") | naming("data_path") - parts == four | own


def test_every_source_of_the_settings_has_its_folder() -> None:
    schema = Stack.model_json_schema()
    assert sorted(schema["properties"]["nodes"]["discriminator"]["mapping"]) == SOURCES
    assert load({}).nodes.source in SOURCES


@pytest.mark.parametrize("folder", ["tests", "bench"])
def test_no_test_lists_sources_itself(folder: str) -> None:
    lists = []
    for file in (CHECKOUT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Tuple | ast.List | ast.Set):
                names = {entry.value for entry in node.elts if isinstance(entry, ast.Constant)}
                if file != Path(__file__) and len(names & set(SOURCES)) > 2:
                    lists.append(f"{file.relative_to(CHECKOUT)}:{node.lineno}")
    assert lists == []


def test_a_kubelet_setting_touches_three_files() -> None:
    (three,) = listed("A kubelet setting")
    assert len(three) == 3
    said = set(re.findall(r"`(components/[\w./]+)`", section("A kubelet setting")))
    for name in ("kube_reserved", "system_reserved"):
        found = naming(name, ("components",))
        assert of_the_program(three) <= found <= said, name
