"""Waiting within bounds: how long, what is said meanwhile, and the words of a failure."""

from __future__ import annotations

import pytest

from fjordkube.helpers.errors import HelperError
from fjordkube.helpers.gates import waiting
from fjordkube.helpers.gates.waiting import Promise, Unmet, failure, until_kept

PROMISE = Promise("bgp", "every node with every other")
LACK = Unmet("w1: 1 of 2 sessions", "open TCP port 179")


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += max(seconds, 0.01)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(waiting, "time", made)
    return made


def test_a_kept_promise_ends_at_the_first_look() -> None:
    assert until_kept(PROMISE, 300, list) == 0.0


def test_looks_until_nothing_lacks_and_tells_the_seconds(clock: Clock) -> None:
    assert until_kept(PROMISE, 300, lambda: [LACK] if clock.now < 109 else []) == 10.0


def test_news_end_a_rest(clock: Clock) -> None:
    rests: list[float] = []

    def rest(seconds: float) -> None:
        rests.append(seconds)
        clock.now += 0.5

    assert until_kept(PROMISE, 300, lambda: [LACK] if clock.now < 101 else [], rest) == 1.0
    assert rests == [waiting.PAUSE, waiting.PAUSE]


def test_what_lacks_is_told_once_however_long_it_lasts(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    states = iter(["Active", "Connect", "Passive"] * 100)
    until_kept(PROMISE, 300, lambda: [Unmet("w1: 1 of 2 sessions", "fix", next(states))] if clock.now < 250 else [])
    assert capsys.readouterr().err.splitlines() == ["not yet: w1: 1 of 2 sessions (Active)"]


def test_each_change_of_what_lacks_is_one_line(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    other = Unmet("w2: BIRD does not answer", "read its log")
    until_kept(PROMISE, 300, lambda: [] if clock.now > 200 else [LACK] if clock.now > 150 else [LACK, other])
    assert capsys.readouterr().err.splitlines() == [
        "not yet: w1: 1 of 2 sessions; w2: BIRD does not answer",
        "not yet: w1: 1 of 2 sessions",
    ]


def test_changes_in_quick_succession_are_one_line(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    until_kept(PROMISE, 300, lambda: [Unmet(f"{clock.now:.0f}", "fix")] if clock.now < 116 else [])
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_what_holds_at_once_is_not_worth_a_line(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    until_kept(PROMISE, 300, lambda: [LACK] if clock.now < 104 else [])
    assert capsys.readouterr().err == ""


def test_a_broken_promise_says_measured_needed_and_what_to_do() -> None:
    with pytest.raises(HelperError) as raised:
        until_kept(PROMISE, 60, lambda: [LACK, Unmet("w2: BIRD does not answer", "read its log"), LACK])
    assert str(raised.value).splitlines() == [
        "gate bgp: not kept within 60 s",
        "  measured: w1: 1 of 2 sessions; w2: BIRD does not answer; w1: 1 of 2 sessions",
        "  needed: every node with every other",
        "  to do: open TCP port 179",
        "  to do: read its log",
        "  to do: if it only needs longer here: raise gates.timeout_seconds and run up again",
    ]


def test_the_wait_ends_on_time(clock: Clock) -> None:
    with pytest.raises(HelperError):
        until_kept(PROMISE, 5, lambda: [LACK])
    assert clock.now == pytest.approx(105, abs=0.1)


def test_a_silent_api_is_waited_for(clock: Clock) -> None:
    def look() -> list[Unmet]:
        if clock.now < 106:
            raise OSError("the API at 127.0.0.1:6443 does not answer: refused")
        return []

    assert until_kept(PROMISE, 60, look) == 6.0
    clock.now = 0
    with pytest.raises(HelperError, match=r"measured: the API at .* does not answer"):
        until_kept(PROMISE, 3, look)


def test_a_failure_tells_the_detail() -> None:
    assert "measured: w1: none (Active)" in failure(PROMISE, [Unmet("w1: none", "fix", "Active")], 5)


def test_many_lacks_are_counted_and_not_listed() -> None:
    text = failure(PROMISE, [Unmet(f"w{n}: none", f"fix {n}") for n in range(9)], 5)
    assert "w4: none; and 4 more" in text
    assert "fix 4" in text
    assert "fix 5" not in text


def test_where_waiting_cannot_help_no_longer_wait_is_advised() -> None:
    assert "timeout_seconds" not in failure(PROMISE, [LACK])
