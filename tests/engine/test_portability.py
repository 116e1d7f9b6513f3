"""A stack's state belongs to the stack: any checkout and the installed package go on where another stopped."""

from __future__ import annotations

import json
import shutil
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from bench import answers
from bench.project import Project
from fjordkube.roots import CHECKOUT, cache_root
from tests.engine import installed
from tests.engine.installed import Installed

SOURCES = ("existing", "openstack", "upcloud", "vendor_cli")
WORKERS = ["w1", "w2"]


@pytest.fixture(scope="module", params=SOURCES)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A stack that a checkout has made which is gone; it now runs from this one."""
    folder = tmp_path_factory.mktemp(request.param)
    first = folder / "checkout"
    installed.copy(first)
    project = Project(folder / "project", first)
    project.write(answers.settings(request.param, project.folder, workers=WORKERS))
    project.pretend()
    shutil.rmtree(first)
    project.move(CHECKOUT)
    return project


def test_no_state_holds_a_path_of_a_checkout_a_home_a_cache_or_an_interpreter(made: Project) -> None:
    # the engine notes in which file a resource was written beside these, as it does for every program
    text = json.dumps([[entry.get("inputs"), entry.get("outputs")] for entry in _resources(made)])
    for path in (made.folder, CHECKOUT, Path.home(), cache_root(), Path(sys.executable).parent, Path(sys.prefix)):
        assert f"{path}/" not in text, path
        assert f'"{path}"' not in text, path


def test_another_checkout_changes_nothing(made: Project) -> None:
    assert made.preview().changed() == {}


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
    for source in ("openstack", "upcloud"):
        if f"fjordkube:nodes:{source.capitalize()}Machines" in kinds:
            package.add(source)
    before = made.python
    made.move(tmp_path, package.python)
    try:
        assert made.preview().changed() == {}
    finally:
        made.move(CHECKOUT, before)


def test_one_worker_goes_although_the_checkout_that_made_it_is_gone(made: Project) -> None:
    urn = next(urn for urn in _urns(made) if urn.endswith("::fjord-w2-membership"))
    said = made.destroy(urn)
    assert "w2: not removed from the cluster, going on" in said, "the helper ran, and no API answers here"
    assert urn not in _urns(made)


def test_wheel_and_sdist_hold_the_package_its_scripts_and_its_type_marker(package: Installed) -> None:
    with zipfile.ZipFile(package.wheel) as wheel:
        names = set(wheel.namelist())
    with tarfile.open(package.sdist) as sdist:
        inside = {name.partition("/")[2] for name in sdist.getnames()}
    for name in ("fjordkube/cluster.py", "fjordkube/scripts/lib.sh", "fjordkube/py.typed", "fjordkube/helpers/ssh.py"):
        assert name in names
        assert name in inside
    assert not [name for name in names if name.startswith(("components/", "tests/", "offline/", "commands/"))]


def _resources(project: Project) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(project.state().read_text())["checkpoint"]["latest"]["resources"]
    return found


def _urns(project: Project) -> list[str]:
    return [entry["urn"] for entry in _resources(project)]
