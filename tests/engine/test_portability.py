"""A stack's state belongs to the stack: any checkout and the installed package go on where another stopped."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from bench import answers
from bench.project import Project
from fjordkube.helpers.local_vm import computer
from fjordkube.roots import CHECKOUT, cache_root, runtime_root
from tests.engine import installed
from tests.engine.command import cache_without_images
from tests.engine.installed import Installed

SOURCES = [source for source in answers.SOURCES if source != "local"]
WORKERS = ["w1", "w2"]


@pytest.fixture(scope="module", params=SOURCES)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A stack that a checkout has made which is gone; it now runs from this one."""
    return make(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The same of source local: its machines belong to this computer, and to the home that it goes on with."""
    return make("local", tmp_path_factory.mktemp("local"))


def make(source: str, folder: Path) -> Project:
    first = folder / "checkout"
    installed.copy(first)
    project = Project(folder / "project", first)
    project.write(answers.settings(source, project.folder, workers=WORKERS))
    project.pretend()
    shutil.rmtree(first)
    project.move(CHECKOUT)
    return project


def test_no_state_holds_a_path_of_a_checkout_a_home_a_cache_or_an_interpreter(made: Project) -> None:
    assert paths_in(made) == []


def test_state_of_local_machines_names_their_computer_by_its_id_and_holds_no_path_of_it(here: Project) -> None:
    assert paths_in(here) == []
    machines = [entry for entry in _resources(here) if "MACHINE_NAME" in entry.get("inputs", {}).get("environment", {})]
    assert len(machines) == 2 * (1 + len(WORKERS))
    assert {entry["inputs"]["environment"]["MACHINE_COMPUTER"] for entry in machines} == {computer.here()}


def test_preview_of_living_local_machines_needs_no_image_and_changes_nothing(here: Project, tmp_path: Path) -> None:
    assert here.preview({"FJORDKUBE_CACHE": str(cache_without_images(tmp_path))}).changed() == {}


def test_image_of_other_inputs_makes_machines_anew_without_being_built(here: Project) -> None:
    note = next((here.folder / "bundles").iterdir())
    before = note.read_text()
    note.write_text(json.dumps({"digest": "f" * 16}))
    try:
        run = here.preview()
    finally:
        note.write_text(before)
    for name in ("nodes-cp1-disk", "nodes-w1-disk"):
        assert run.operations[name] == "replace"
        assert {path.partition("[")[0] for path in run.differences[name]} == {"environment.MACHINE_IMAGE", "triggers"}


def paths_in(project: Project) -> list[Path | str]:
    """Paths of this computer that inputs or outputs of the state hold."""
    # the engine notes in which file a resource was written beside these, as it does for every program
    text = json.dumps([[entry.get("inputs"), entry.get("outputs")] for entry in _resources(project)])
    every = (project.folder, CHECKOUT, Path.home(), cache_root(), Path(sys.executable).parent, Path(sys.prefix))
    sockets = str(runtime_root()).rpartition("-")[0]
    return [
        *(path for path in every if f"{path}/" in text or f'"{path}"' in text),
        *re.findall(f"{sockets}-[^/]*", text),
    ]


def test_another_checkout_changes_nothing(made: Project) -> None:
    assert made.preview().changed() == {}


def test_up_from_another_checkout_enters_no_node(
    made: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ssh, mark = tmp_path / "ssh", tmp_path / "called"
    ssh.write_text(f"#!/bin/sh\necho $* >> {mark}\nexit 255\n")
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    # a command that ran would be an update or a replacement: the engine calls a plugin for nothing else
    assert made.up().changed() == {}
    assert not mark.exists()


def test_a_runner_without_the_key_previews_no_change(made: Project) -> None:
    key = made.folder / "key"
    kept = key.read_text()
    key.unlink()
    try:
        assert made.preview().changed() == {}
    finally:
        key.touch(mode=0o600)
        key.write_text(kept)


def test_the_installed_package_changes_nothing(made: Project, package: Installed, tmp_path: Path) -> None:
    shutil.copy2(CHECKOUT / "__main__.py", tmp_path)
    # what a stack file names by a relative path, as a project of one's own has it
    shutil.copytree(CHECKOUT / "docs" / "sources", tmp_path / "docs" / "sources")
    kinds = {entry["type"] for entry in _resources(made)}
    for requirements in CHECKOUT.glob("components/nodes/*/requirements.txt"):
        source = requirements.parent.name
        if f"fjordkube:nodes:{source.capitalize()}Machines" in kinds:
            package.add(source)
    before = made.python
    made.move(tmp_path, package.python)
    try:
        assert made.preview().changed() == {}
    finally:
        made.move(CHECKOUT, before)


def test_one_worker_goes_although_the_checkout_that_made_it_is_gone(made: Project) -> None:
    urn = next(urn for urn in _urns(made) if urn.endswith("::fjord-w2-joined"))
    said = made.destroy(urn)
    assert "w2: not removed from the cluster, going on" in said, "the helper ran, and no API answers here"
    assert urn not in _urns(made)


def test_wheel_and_sdist_hold_the_package_its_scripts_and_its_type_marker(package: Installed) -> None:
    with zipfile.ZipFile(package.wheel) as wheel:
        names = set(wheel.namelist())
    with tarfile.open(package.sdist) as sdist:
        inside = {name.partition("/")[2] for name in sdist.getnames()}
    data = ("fjordkube/scripts/lib.sh", "fjordkube/artifacts/upstream.toml", "fjordkube/py.typed")
    for name in (*data, "fjordkube/cluster.py", "fjordkube/helpers/ssh.py"):
        assert name in names
        assert name in inside
    assert not [name for name in names if name.startswith(("components/", "tests/", "offline/", "commands/"))]


def _resources(project: Project) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(project.state().read_text())["checkpoint"]["latest"]["resources"]
    return found


def _urns(project: Project) -> list[str]:
    return [entry["urn"] for entry in _resources(project)]
