"""Etcd's members, leader, alarms and room, from its own JSON answers (etcd's api_reference: Maintenance, Cluster).

Numbers of 64 bits come as text there, and what is 0 or empty may be left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from fjordkube.health.rows import Row, State
from fjordkube.health.seen import read
from fjordkube.helpers.survey.asking import Answer

QUOTA: Final = 2 * 2**30
"""Bytes of a database where etcd is told nothing (its --quota-backend-bytes); etcd 3.5 does not tell."""

SOON_SHARE, NOW_SHARE = 0.7, 0.9
"""Of the quota; at all of it etcd takes no more writes."""

LOGS: Final = "there: crictl ps -a --name etcd, and crictl logs of it"
ROOM: Final = (
    "find what fills it (Events, Secrets of old releases), then etcdctl compact and defrag, one member after the "
    "other; or raise --quota-backend-bytes"
)
ALARMS: Final = {
    "NOSPACE": "etcd takes no writes: make room (etcdctl compact, defrag on each member), then etcdctl alarm disarm",
    "CORRUPT": "a member's data differs: take it out (etcdctl member remove) and let it join anew with an empty disk",
}
STRANGER: Final = "if no machine of that name is to come back: etcdctl member remove"


def rows(nodes: Mapping[str, Answer], names: Sequence[str]) -> Iterator[Row]:
    """Of control planes among `nodes`; `names`: every node of the stack, silent ones too."""
    asked = {
        name: answer for name, answer in nodes.items() if answer.one("etcd_health") or answer.one("etcd_health_silent")
    }
    healthy = [name for name, answer in asked.items() if _is_healthy(answer)]
    for name, answer in asked.items():
        if name not in healthy:
            yield Row("etcd", name, "now", _sick(answer), LOGS)
    # one with an alarm calls itself unhealthy, and tells the rest all the same
    told = {name: answer for name, answer in asked.items() if not answer.one("etcd_health_silent")}
    members = next((found for answer in told.values() if (found := _members(answer))), [])
    if members:
        yield from _membership(members, told, healthy, names)
    for alarm in dict.fromkeys(alarm for answer in told.values() for alarm in _alarms(answer, members)):
        kind, _, who = alarm.partition(" ")
        yield Row("etcd", who, "now", f"alarm {kind}", ALARMS.get(kind, "etcdctl alarm list"))
    for name, answer in told.items():
        yield from _room(name, read(answer.one("etcd_status")))


def _is_healthy(answer: Answer) -> bool:
    return str(read(answer.one("etcd_health")).get("health")).lower() == "true"


def _sick(answer: Answer) -> str:
    if silent := answer.one("etcd_health_silent"):
        return f"does not answer ({silent})"
    said = read(answer.one("etcd_health"))
    return f"is not healthy ({said.get('reason') or answer.one('etcd_health') or 'no reason told'})"


def _members(answer: Answer) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = read(answer.one("etcd_members")).get("members") or []
    return found


def _membership(
    members: Sequence[Mapping[str, Any]], told: Mapping[str, Answer], healthy: Sequence[str], names: Sequence[str]
) -> Iterator[Row]:
    by_id = {str(member.get("ID")): str(member.get("name") or "") for member in members}
    voters = [member for member in members if not member.get("isLearner")]
    well = [member for member in voters if member.get("name") in healthy]
    spare = len(well) - (len(voters) // 2 + 1)
    leaders = {str(read(answer.one("etcd_status")).get("leader") or "0") for answer in told.values()}
    figure = f"{len(well)} of {len(voters)} members healthy"
    fix = "the rows of the others tell why"
    state: State = "ok" if len(well) == len(voters) else "soon" if spare >= 0 else "now"
    if "0" in leaders:
        state, fix = "now", "without a leader nothing is written: bring back a majority of members"
        figure += ", no leader"
    elif len(leaders) > 1:
        state, fix = "now", "members follow different leaders: compare clocks and the network between them"
        figure += f", {len(leaders)} leaders"
    else:
        figure += f", leader {by_id.get(next(iter(leaders)), 'unknown')}"
    figure += f", {max(spare, 0) or 'none'} may fail"
    yield Row("etcd", "", state, figure, "" if state == "ok" else fix)
    for member in members:
        who = member.get("name") or ", ".join(member.get("peerURLs") or ()) or "one"
        if not member.get("name"):
            yield Row("etcd", "", "soon", f"member {who} has never started", STRANGER)
        elif who not in names:
            yield Row("etcd", "", "soon", f"member {who} is none of this stack's nodes", STRANGER)
        elif member.get("isLearner"):
            yield Row("etcd", who, "soon", "a learner, which does not count yet", "make up lets it go on joining")
    for name in told:
        if name not in by_id.values():
            yield Row("etcd", name, "now", "answers, and is no member of the others' cluster", LOGS)


def _alarms(answer: Answer, members: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    by_id = {str(member.get("ID")): str(member.get("name") or "") for member in members}
    for alarm in read(answer.one("etcd_alarms")).get("alarms") or []:
        kind = str(alarm.get("alarm") or "NONE")
        if kind != "NONE":
            yield f"{kind} {by_id.get(str(alarm.get('memberID')), '')}"


def _room(name: str, status: Mapping[str, Any]) -> Iterator[Row]:
    try:
        size, quota = int(status["dbSize"]), int(status.get("dbSizeQuota") or 0) or QUOTA
        used = int(status.get("dbSizeInUse") or size)
    except (KeyError, ValueError):
        yield Row("etcd database", name, "soon", "its size is not told", LOGS)
        return
    share = size / quota
    figure = f"{_mib(size)} of {_mib(quota)} ({_mib(used)} in use)"
    state: State = "now" if share >= NOW_SHARE else "soon" if share >= SOON_SHARE else "ok"
    yield Row("etcd database", name, state, figure, "" if state == "ok" else ROOM, rank=-share)


def _mib(size: int) -> str:
    return f"{size / 2**20:.0f} MiB"
