"""What a living cluster is held to; the refusal by the engine itself is in tests/engine/test_immutable.py."""

from __future__ import annotations

import pytest

from fjordkube.immutable import INSTEAD, etcd_facts, facts, problems
from fjordkube.settings import load
from tests.golden.bootstrap_cluster import nodes

EARLIER = facts(load({}))


def test_the_same_settings_are_no_problem() -> None:
    etcd = etcd_facts(nodes()[:1])
    assert etcd == {"nodes.control_planes[cp1].etcd_disk": "LABEL=etcd"}
    assert problems([EARLIER, etcd], EARLIER | etcd) == []


@pytest.mark.parametrize("field", INSTEAD)
def test_each_field_says_what_it_was_and_what_another_value_needs(field: str) -> None:
    assert set(INSTEAD) == set(EARLIER)
    (line,) = problems([EARLIER], EARLIER | {field: "another"})
    assert line.startswith(
        f"{field}: {EARLIER[field]} in the cluster that lives, and now another; write {EARLIER[field]} again: "
    )
    assert INSTEAD[field] in line


def test_control_planes_that_come_and_go_are_no_problem() -> None:
    gone = {"nodes.control_planes[cp2].etcd_disk": "root"}
    come = {"nodes.control_planes[cp3].etcd_disk": "root"}
    assert problems([EARLIER, gone], EARLIER | come) == []
