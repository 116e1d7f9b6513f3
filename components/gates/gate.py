"""One gate as a resource: a local command that runs the helper and fails `up` when a promise does not hold.

Owns the command's environment and what makes it measure again. Leaves what is measured to helpers/gates/. It undoes
nothing when it is deleted, so a changed trigger may replace it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi_command import local

from fjordkube.gates.common import Question
from fjordkube.helpers import launcher
from fjordkube.node import Node, reached


class Gate(local.Command):
    """A promise that holds, or a failed `up`."""

    figures: pulumi.Output[Mapping[str, Any]]
    """What was measured; unknown at preview."""

    def __init__(
        self,
        name: str,
        question: Question,
        *,
        nodes: Sequence[Node],
        kubeconfig: pulumi.Input[str] | None = None,
        wait: int | None = None,
        more: pulumi.Input[Mapping[str, Any]] | None = None,
        triggers: Sequence[pulumi.Input[Any]] = (),
        opts: pulumi.ResourceOptions,
    ) -> None:
        """`more` joins the question's parameters when they depend on nodes. Without a script no node is entered.

        Without a kubeconfig there is no cluster yet; without `wait`, nothing that could come to hold by waiting.
        """
        asked = pulumi.Output.from_input(more or {}).apply(lambda found: json.dumps({**question.asked, **found}))
        environment: dict[str, pulumi.Input[str]] = {"FJORDKUBE_GATE": asked}
        if wait is not None:
            environment["FJORDKUBE_WAIT"] = str(wait)
        if question.script is not None:
            environment |= {"FJORDKUBE_NODES": reached(nodes), "FJORDKUBE_SCRIPT": question.script}
            if kubeconfig is not None:
                environment["FJORDKUBE_KUBECONFIG"] = pulumi.Output.secret(kubeconfig)
        super().__init__(
            name,
            create=launcher.command(question.name),
            environment=environment,
            triggers=[*(node.up for node in nodes), launcher.REVISIONS["gates"], *triggers],
            logging=local.Logging.STDERR,
            add_previous_output_in_env=False,
            opts=opts,
        )
        # The official plugin calls an output secret when an input is one; figures hold none.
        self.figures = pulumi.Output.unsecret(self.stdout).apply(_parsed)


def _parsed(stdout: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(stdout)
    return found
