"""Plans that need a word of their own, as the real engine makes them on a pretended stack of each source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench import answers
from bench.project import Project, Run
from commands.dangers import Step, dangers

SOURCES = [source for source in answers.SOURCES if source != "local"]
ANEW = {"upcloud": {"template": "another"}, "openstack": {"image": "33333333-3333-4333-8333-333333333333"}}


class Living:
    """A stack of two workers and three control planes that is said to exist."""

    def __init__(self, source: str, folder: Path) -> None:
        self.source = source
        self.project = Project(folder / "project")
        self.project.write(self.settings())
        self.project.pretend()

    def settings(self, **nodes: Any) -> dict[str, Any]:
        wanted = {"control_planes": ["cp1", "cp2", "cp3"], "workers": ["w1", "w2"], **nodes}
        return answers.settings(self.source, self.project.folder, **wanted)

    def words(self, **nodes: Any) -> set[str]:
        self.project.write(self.settings(**nodes))
        return set(dangers(steps(self.project.preview())))


def steps(run: Run) -> list[Step]:
    return [Step(operation, run.kinds[name], name, run.parents[name]) for name, operation in run.operations.items()]


@pytest.fixture(scope="module", params=SOURCES)
def living(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Living:
    return Living(request.param, tmp_path_factory.mktemp(request.param))


def test_a_worker_more_or_less_needs_no_word_and_all_of_them_do(living: Living) -> None:
    assert living.words(workers=["w1", "w2", "w3"]) == set()
    assert living.words(workers=["w2"]) == set()
    assert living.words(workers=["w3"]) == {"all-workers"}


def test_a_control_plane_less_needs_its_word(living: Living) -> None:
    disk = {"etcd-data"} if living.source == "upcloud" else set()
    assert living.words(control_planes=["cp1"]) == {"control-plane", *disk}


# machines that exist already are made by nobody
@pytest.mark.parametrize("living", [source for source in SOURCES if source != "existing"], indirect=True)
def test_another_image_needs_every_word(living: Living) -> None:
    disk = {"etcd-data"} if living.source == "upcloud" else set()
    words = living.words(**ANEW.get(living.source, {"image": "another"}))
    assert words == {"control-plane", "all-workers", *disk}
