"""The build's runner: needs first, two lanes, one failure ends all, and words on the way."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from offline import build, catalog, command, manifest, runner
from offline.command import BuildError
from offline.runner import Run, closure, duration, missing, remaining
from offline.step import Lane, Step
from tests.unit.local_machine import alive, until


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cancelled build starts nothing more in its process: each test has a process of its own, so to speak."""
    monkeypatch.setattr(command, "_cancelled", threading.Event())


@pytest.fixture
def step(tmp_path: Path) -> Callable[..., Step]:
    """Makes a step that writes its result."""

    def make(
        name: str,
        needs: Sequence[str] = (),
        lane: Lane = "compile",
        seconds: float = 1,
        action: Callable[[Path], None] | None = None,
        done: bool = False,
    ) -> Step:
        result = tmp_path / "cache" / name
        if done:
            result.parent.mkdir(exist_ok=True)
            result.write_text("")
        return Step(name, f"the {name}", result, action or _touch, seconds, lane, tuple(needs))

    return make


def _touch(path: Path) -> None:
    path.write_text("made")


def go(steps: Sequence[Step], said: list[str] | None = None) -> dict[str, float]:
    return Run(steps, (said if said is not None else []).append).go()


# --- Which steps -----------------------------------------------------------------------------------------------------


def test_wanted_steps_bring_all_that_they_need_in_the_catalogues_order(step: Callable[..., Step]) -> None:
    steps = [step("a"), step("b"), step("c", ["a"]), step("d", ["c"]), step("e", ["b"])]
    assert [s.name for s in closure(steps, ["d"])] == ["a", "c", "d"]
    with pytest.raises(KeyError):
        closure(steps, ["z"])


def test_what_is_done_is_not_built_nor_what_only_it_needed(step: Callable[..., Step]) -> None:
    steps = [step("a"), step("b", ["a"], done=True), step("c", ["b"]), step("d")]
    assert [s.name for s in missing(steps, ["c"])] == ["c"]
    assert [s.name for s in missing(steps, ["b"])] == []
    assert [s.name for s in missing(steps, ["a", "c"])] == ["a", "c"]


# --- How long --------------------------------------------------------------------------------------------------------


def test_lanes_run_side_by_side_and_steps_of_one_lane_after_another(step: Callable[..., Step]) -> None:
    steps = [step("a", seconds=10), step("b", seconds=20), step("c", lane="assemble", seconds=25)]
    assert remaining(steps) == 30
    assert remaining([*steps, step("d", ["b"], "assemble", 5)]) == 35
    assert remaining([*steps, step("d", ["a"], "assemble", 10)]) == 35
    assert remaining([]) == 0


def test_time_already_spent_and_this_machines_pace_count(step: Callable[..., Step]) -> None:
    steps = [step("a", seconds=100), step("b", seconds=50)]
    assert remaining(steps, {"a": 30.0}) == 120
    assert remaining(steps, {"a": 30.0}, timing=2.0) == 270
    # a step that takes longer than thought is always about to end
    assert remaining(steps, {"a": 500.0}) == 50


def test_what_is_needed_but_done_is_not_waited_for(step: Callable[..., Step]) -> None:
    assert remaining([step("a", ["done before"], seconds=7)]) == 7


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (-3, "0 s"), (48.4, "48 s"), (89.4, "89 s"), (90, "1 min 30 s"), (200, "3 min 20 s")],
)
def test_time_is_told_for_people(seconds: float, text: str) -> None:
    assert duration(seconds) == text


# --- The run ---------------------------------------------------------------------------------------------------------


def test_needs_are_built_first_across_lanes(step: Callable[..., Step]) -> None:
    order: list[str] = []

    def note(name: str) -> Callable[[Path], None]:
        def action(path: Path) -> None:
            order.append(name)
            time.sleep(0.02)
            _touch(path)

        return action

    steps = [
        step("d", ["c", "b"], action=note("d")),
        step("c", ["b"], "assemble", action=note("c")),
        step("b", ["a"], action=note("b")),
        step("a", [], "assemble", action=note("a")),
    ]
    assert set(go(steps)) == {"a", "b", "c", "d"}
    assert order == ["a", "b", "c", "d"]
    assert all(s.done for s in steps)


def test_two_lanes_work_at_the_same_time_and_one_lane_never_twice(step: Callable[..., Step]) -> None:
    running: set[str] = set()
    seen: list[frozenset[str]] = []
    both = threading.Barrier(2, timeout=10)

    def action(name: str, meet: bool) -> Callable[[Path], None]:
        def act(path: Path) -> None:
            running.add(name)
            seen.append(frozenset(running))
            if meet:
                both.wait()
            time.sleep(0.01)
            running.discard(name)
            _touch(path)

        return act

    lanes: tuple[Lane, Lane] = ("compile", "assemble")
    steps = [step(f"{lane}{n}", lane=lane, action=action(f"{lane}{n}", n == 0)) for lane in lanes for n in range(4)]
    go(steps)
    assert max(len(now) for now in seen) == 2
    assert not any(len({name[:7] for name in now}) < len(now) for now in seen)


def test_first_failure_ends_the_other_lane_and_is_the_one_that_is_told(
    step: Callable[..., Step], tmp_path: Path
) -> None:
    pid = tmp_path / "pid"

    def long(_path: Path) -> None:
        command.run(["bash", "-c", f"echo $$ >{pid}; sleep 60 & wait"], tmp_path / "log")

    def fail(_path: Path) -> None:
        until(lambda: pid.exists() and pid.read_text())
        raise BuildError("no such package")

    steps = [step("long", action=long), step("after", ["long"]), step("fails", [], "assemble", action=fail)]
    before = time.monotonic()
    with pytest.raises(BuildError, match=r"^no such package$"):
        go(steps)
    assert time.monotonic() - before < 20
    assert not alive(int(pid.read_text()))
    assert not any(s.done for s in steps)


def test_lane_that_waits_for_a_failed_step_ends(step: Callable[..., Step]) -> None:
    def fail(_path: Path) -> None:
        time.sleep(0.1)
        raise BuildError("broken")

    with pytest.raises(BuildError, match="broken"):
        go([step("a", action=fail), step("b", ["a"], "assemble")])


def test_cancelled_build_starts_no_program(tmp_path: Path) -> None:
    command.cancel()
    with pytest.raises(BuildError, match="cancelled"):
        command.run(["touch", str(tmp_path / "made")], tmp_path / "log")
    assert not (tmp_path / "made").exists()


def test_failed_program_shows_the_end_of_its_log_and_where_the_rest_is(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "step.log"
    with pytest.raises(BuildError) as failed:
        command.run(["bash", "-c", "seq 1 100; echo broken >&2; exit 3"], log)
    lines = str(failed.value).splitlines()
    assert lines[0] == f"bash ended with 3; the end of {log}:"
    assert [line.strip() for line in lines[1:]] == [*(str(n) for n in range(87, 101)), "broken"]
    assert log.read_text().startswith("1\n2\n")


# --- Words -----------------------------------------------------------------------------------------------------------


def test_each_step_says_place_title_and_estimate_and_then_what_is_left(step: Callable[..., Step]) -> None:
    said: list[str] = []
    go([step("a", seconds=20), step("b", ["a"], seconds=100)], said)
    assert said == [
        "[1/2] the a (about 20 s)",
        "[1/2] the a: done in 0 s; 1 to do, about 1 min 40 s",
        "[2/2] the b (about 1 min 40 s)",
        "[2/2] the b: done in 0 s; all done",
    ]


def test_estimates_follow_this_machines_pace_within_bounds(step: Callable[..., Step]) -> None:
    said: list[str] = []
    # a thousand seconds of the reference in no time: five times as fast is believed, and no more
    go([step("a", seconds=1000), step("b", ["a"], seconds=100)], said)
    assert said[1] == "[1/2] the a: done in 0 s; 1 to do, about 20 s"
    assert said[2] == "[2/2] the b (about 20 s)"


def test_long_step_is_spoken_of_while_it_runs(step: Callable[..., Step], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "WORD_EVERY", 0.1)
    said: list[str] = []

    def wait(path: Path) -> None:
        until(lambda: any("still at it" in line for line in said))
        _touch(path)

    go([step("slow", seconds=100, action=wait), step("next", ["slow"], seconds=60)], said)
    (word,) = [line for line in said if "still at it" in line][:1]
    assert word.startswith("    still at it: slow for ")
    assert "; 2 to do, about 2 min " in word


# --- The build as a whole --------------------------------------------------------------------------------------------


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FJORDKUBE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_second_build_only_looks(step: Callable[..., Step], cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = [step("a"), step("b", ["a"])]
    monkeypatch.setattr(catalog, "steps", lambda: steps)
    said: list[str] = []
    assert set(build.ensure(report=said.append)) == {"a", "b"}
    assert said[0] == f"2 of 2 steps to build, about 2 s; cache {cache}"
    assert said[-1] == "built 2 steps in 0 s"
    assert build.ensure(report=said.append) == {}
    assert said[-1] == "built 2 steps in 0 s"
    assert '"a": ' in (cache / "seconds.json").read_text()


def test_two_builds_at_once_build_each_step_once(
    step: Callable[..., Step], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    started = threading.Event()

    def slow(path: Path) -> None:
        made.append("a")
        started.set()
        time.sleep(0.3)
        _touch(path)

    monkeypatch.setattr(catalog, "steps", lambda: [step("a", action=slow)])
    words: list[str] = []
    first = threading.Thread(target=build.ensure, kwargs={"report": words.append})
    first.start()
    assert started.wait(10)
    assert build.ensure(report=words.append) == {}
    first.join(10)
    assert made == ["a"]
    assert any("another build holds" in word for word in words)


def test_unknown_step_is_refused_with_how_to_list_them(cache: Path) -> None:
    with pytest.raises(Exception, match=r"^nothing-such: no such step or group; `python -m offline plan` lists them$"):
        build.ensure(["nothing-such"])


def test_catalogue_of_this_checkout_holds_together(cache: Path) -> None:
    steps = catalog.steps()
    names = [each.name for each in steps]
    assert len(set(names)) == len(names)
    assert len({each.result for each in steps}) == len(steps)
    assert [need for each in steps for need in each.needs if need not in names] == []
    for group in manifest.load().groups:
        assert closure(steps, build.resolve([group], steps))
    # all of it can be put in an order
    assert remaining(steps) > 0
    assert all(each.result.is_relative_to(cache) for each in steps)
