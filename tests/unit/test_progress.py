"""What `up` says of a policy's refusal."""

from __future__ import annotations

from pathlib import Path

from commands.progress import Progress


def said(tmp_path: Path, level: str) -> list[str]:
    lines: list[str] = []
    event = {
        "resourceUrn": "urn:pulumi:prod::fjordkube::upcloud:index/server:Server::nodes-cp1",
        "message": "<{%fg 1%}>Disks are encrypted.\nthe disk is not encrypted; set nodes.encrypt: true<{%reset%}>\n",
        "policyName": "encrypted-disks",
        "enforcementLevel": level,
    }
    Progress(tmp_path / "up", lines.append)._take({"policyEvent": event})
    return lines


def test_a_refusal_names_the_resource_the_rule_and_the_fix_on_one_line(tmp_path: Path) -> None:
    words = "policy encrypted-disks: Disks are encrypted. the disk is not encrypted; set nodes.encrypt: true"
    assert said(tmp_path, "mandatory") == [f"error: nodes-cp1: {words}"]
    assert said(tmp_path, "warning") == [f"warning: nodes-cp1: {words}"]
