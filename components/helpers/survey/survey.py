"""Verb survey: asks every host at once what it is, and stops with all problems of all hosts before any is changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import HelperError
from ..log import log
from ..ssh import listed
from .asking import Answer, Problem, Question, ask
from .judgement import Host, Wanted, compare, judge, told

OF_EVERY_HOST = ("modules", "units", "own_programs", "own_ports")
"""Lists of FJORDKUBE_SURVEY beside those of a role."""


def survey(env: Mapping[str, str], folder: Path) -> dict[str, Any]:
    """Facts by host. HelperError: what is wrong with any of them, one line each."""
    asked = json.loads(env["FJORDKUBE_SURVEY"])
    hosts, questions = [], []
    for entry, access in listed(env["FJORDKUBE_NODES"]):
        host = asked["hosts"][entry["name"]]
        place = (entry["address"], int(asked["prefix_length"]), entry["interface"])
        hosts.append(Host(access.name, host["role"], *place, host["etcd"]))
        lists = {name: asked[name] for name in OF_EVERY_HOST} | asked["roles"][host["role"]]
        values = {"NODE_INTERFACE": entry["interface"], "ETCD_DEVICE": host["etcd"]}
        questions.append(Question(access, values | {name.upper(): " ".join(each) for name, each in lists.items()}))
    log(f"asking {len(hosts)} hosts what they are; nothing is changed on them")
    found = ask(questions, env["FJORDKUBE_SCRIPT"], folder)
    problems: list[tuple[str, Problem]] = []
    answers = {name: answer for name, answer in found.items() if isinstance(answer, Answer)}
    between = compare(answers)
    for host in hosts:
        answer = found[host.name]
        wrong = [answer] if isinstance(answer, Problem) else judge(host, answer, Wanted.read(asked))
        problems += [(host.name, problem) for problem in [*wrong, *between.get(host.name, [])]]
    if problems:
        raise HelperError(_words(problems, len(hosts)))
    return {"hosts": {name: told(answer) for name, answer in answers.items()}}


def _words(problems: list[tuple[str, Problem]], hosts: int) -> str:
    count, bad = len(problems), len({name for name, _ in problems})
    title = f"{count} problem{'s' * (count != 1)} on {bad} of {hosts} hosts, and nothing was changed:"
    return "\n".join([title, *(f"  - {name}: {problem.state}; {problem.fix}" for name, problem in problems)])
