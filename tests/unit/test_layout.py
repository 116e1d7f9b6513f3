"""What may import what in components/: no package needs one that needs it; helpers and data stand below all."""

from __future__ import annotations

import ast
import graphlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from fjordkube.roots import CHECKOUT

COMPONENTS = CHECKOUT / "components"
FOLDERS = sorted({file.relative_to(COMPONENTS).parts[:-1] for file in COMPONENTS.rglob("*.py")} - {("settings",)})
"""components/ and every package in it but settings: the stack's model is judged by what imports it for its type."""
Graph = dict[str, set[str]]


def imported(file: Path) -> Iterator[tuple[str, ...]]:
    """Every import of fjordkube's, those for types alone too, as a path below components/."""
    package = file.relative_to(COMPONENTS).parts[:-1]
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names = [tuple(alias.name.split(".")) for alias in node.names]
            yield from (name[1:] for name in names if name[0] == "fjordkube")
        elif isinstance(node, ast.ImportFrom):
            base = tuple(node.module.split(".")) if node.module else ()
            if node.level:
                base = package[: len(package) - node.level + 1] + base
            elif base[0] == "fjordkube":
                base = base[1:]
            else:
                continue
            yield from ((*base, alias.name) for alias in node.names)


@cache
def modules(folder: Path) -> dict[tuple[str, ...], list[tuple[str, ...]]]:
    """Imports of each module, by its path below components/."""
    files = sorted(folder.rglob("*.py"))
    return {file.relative_to(COMPONENTS).with_suffix("").parts: list(imported(file)) for file in files}


def units(below: tuple[str, ...] = ()) -> Graph:
    """What each package or module directly below a folder imports of its siblings."""
    depth = len(below)
    graph: Graph = {}
    for module, imports in modules(COMPONENTS.joinpath(*below)).items():
        found = {name[depth] for name in imports if name[:depth] == below and len(name) > depth}
        graph.setdefault(module[depth], set()).update(found - {module[depth]})
    return {unit: needed & set(graph) for unit, needed in graph.items()}


def cycle(graph: Graph) -> list[str]:
    """One cycle, if there is any."""
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return [str(unit) for unit in error.args[1]]
    return []


def test_the_reader_of_imports_sees_all_kinds_of_them() -> None:
    seen = units()
    assert {"settings", "timing", "helpers"} <= seen["gates"]  # from fjordkube.settings import Stack
    assert {"versions"} <= seen["settings"]  # from fjordkube import versions
    assert {"settings"} <= seen["nodes"]  # below TYPE_CHECKING too
    assert {"log"} <= units(("helpers",))["gates"]  # from ..log import log
    assert {"ports"} <= units(("helpers", "local_vm"))["disk"]  # from . import keys, ports
    assert cycle({"host": {"node", "bootstrap"}, "bootstrap": {"host"}, "node": set()})


@pytest.mark.parametrize("below", FOLDERS)
def test_what_is_needed_never_needs_back(below: tuple[str, ...]) -> None:
    assert cycle(units(below)) == []


@pytest.mark.parametrize("alone", ["artifacts", "helpers", "providers"])
def test_helpers_and_data_need_nothing_else_of_the_package(alone: str) -> None:
    read = modules(COMPONENTS / alone)
    assert read
    # what a node needs is data, which helpers that bring it read as the program does
    fine = {alone, "artifacts", "errors"} if alone in ("artifacts", "helpers") else {alone}
    elsewhere = {"/".join(module): name for module, imports in read.items() for name in imports if name[0] not in fine}
    assert elsewhere == {}
