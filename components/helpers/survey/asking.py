"""All hosts asked at once: one script on each over SSH, and why a host did not answer.

Owns the words for a connection that failed. Leaves what answers mean to judgement.py.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ..session import AT_ONCE
from ..ssh import BEGIN, NO_CONNECTION, SAY_BEGIN, Access, function

PAUSE = 3.0
"""Seconds between two attempts."""


@dataclass(frozen=True)
class Patience:
    """How long one host may take."""

    connect: int = 15
    """Seconds for one connection to be made."""
    answer: int = 180
    """Seconds for the whole answer: an emulated host starts a program of Kubernetes in seconds, and several are
    asked."""
    attempts: int = 2
    """A packet that was lost is no absent host."""


PATIENCE = Patience()


@dataclass(frozen=True)
class Problem:
    """What is wrong with a host."""

    state: str
    fix: str


@dataclass(frozen=True)
class Answer:
    """What a host said of itself."""

    facts: Mapping[str, Sequence[str]]
    """Values by name, in the order they came."""
    begun: float
    ended: float
    """When it was asked and had answered, seconds since the epoch by this computer's clock."""

    def one(self, name: str) -> str:
        """The first value; empty where there is none."""
        return next(iter(self.facts.get(name, ())), "")

    def every(self, name: str) -> Sequence[str]:
        return self.facts.get(name, ())


@dataclass(frozen=True)
class Question:
    """One host, and what it is asked."""

    access: Access
    values: Mapping[str, str]
    """Assignments before the script."""


def ask(
    questions: Sequence[Question], script: str, folder: Path, patience: Patience = PATIENCE
) -> dict[str, Answer | Problem]:
    """By host, all in parallel: its answer, or why there is none."""
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        found = pool.map(lambda question: _ask(question, script, folder, patience), questions)
        return {question.access.name: answer for question, answer in zip(questions, found, strict=True)}


def _ask(question: Question, script: str, folder: Path, patience: Patience) -> Answer | Problem:
    command = question.access.command(folder, patience.connect)
    text = function(script, question.values) + SAY_BEGIN + "fjordkube </dev/null\n"
    problem = Problem("", "")
    for attempt in range(patience.attempts):
        if attempt:
            time.sleep(PAUSE)
        begun = time.time()
        try:
            done = subprocess.run(
                command, input=text, capture_output=True, text=True, timeout=patience.answer, check=False
            )
        except subprocess.TimeoutExpired:
            fix = (
                "look on the host what it waits for (a file system that hangs, a machine out of memory), and try again"
            )
            return Problem(f"does not answer within {patience.answer} s although SSH does", fix)
        facts = _facts(done.stdout.partition(f"\n{BEGIN}\n")[2])
        if done.returncode == 0 and facts.get("whole") == ["yes"]:
            return Answer(facts, begun, time.time())
        problem = failure(question.access, done.returncode, done.stderr)
        if done.returncode != NO_CONNECTION or not problem.state.startswith(("is not reachable", "closes ")):
            break  # whatever refuses once refuses again
    return problem


def _facts(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        name, sign, value = line.partition("=")
        if sign:
            found.setdefault(name, []).append(value)
    return found


def failure(access: Access, code: int, words: str) -> Problem:
    """What ssh's or sudo's words mean."""
    at = f"{access.host} port {access.port}"
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    bastion = access.bastion
    if "Host key verification failed" in words or "host key is known" in words:
        if bastion and "for bastion " in words:
            return _foreign_key(f"its bastion {bastion.host} port {bastion.port}", "nodes.ssh.bastion.host_key")
        return _foreign_key(at, "its host_key")
    if "Permission denied" in words:
        who = f"{access.user}@{access.host}"
        if bastion and f"{bastion.user}@{bastion.host}: Permission denied" in words:
            return Problem(
                f"its bastion refuses the key of {bastion.user}@{bastion.host}",
                "add the public line of nodes.ssh.bastion.key_file to that user's authorized_keys",
            )
        return Problem(
            f"refuses the key of {who}",
            "add the public line of nodes.ssh.key_file to that user's authorized_keys, or correct user or key_file",
        )
    if code == NO_CONNECTION and "kex_exchange_identification" in words:
        return Problem(
            f"closes connections at {at} before SSH begins",
            "let this computer in: /etc/hosts.allow and hosts.deny, fail2ban's list (fail2ban-client status sshd), or "
            "MaxStartups of its sshd_config",
        )
    if code == NO_CONNECTION:
        why = (
            _plain(lines[0]).removeprefix(f"connect to host {access.host} port {access.port}: ") if lines else "silence"
        )
        way = f" through the bastion {bastion.host}" if bastion else ""
        return Problem(
            f"is not reachable by SSH at {at}{way} ({why})",
            "start the machine, let this computer through its firewall, or correct host and port",
        )
    if any(line.startswith("sudo:") for line in lines) or "sudo: not found" in words:
        who = access.user
        return Problem(
            f"sudo -n does not work for {who} ({_plain(lines[-1])})",
            f'let it work without a password: "{who} ALL=(ALL) NOPASSWD: ALL" in /etc/sudoers.d/fjordkube',
        )
    last = _plain(lines[-1]) if lines else f"exit status {code}, without a word"
    return Problem(f"cannot be asked ({last})", "it needs bash and the programs of a Debian or Ubuntu server")


def _foreign_key(where: str, field: str) -> Problem:
    return Problem(
        f"{where} shows another host key than the pinned one",
        "if that machine was installed anew, take its line out of nodes.ssh.known_hosts, run make host-keys and "
        f"compare the fingerprint, or correct {field}; if it was not, somebody may stand in between",
    )


def _plain(line: str) -> str:
    """ssh's words without its own name before them."""
    return line.removeprefix("ssh: ")[:120]
