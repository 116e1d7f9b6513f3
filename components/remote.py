"""The only wrapper over pulumi_command.remote: how shell reaches a node.

Owns the remote command and the dial budget. Leaves the text that it runs to shell.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pulumi
from pulumi_command import remote

from fjordkube.shell import by_bash

DIAL_ERROR_LIMIT = 70
"""Dial attempts of one command: about 5 min with pulumi-command's back-off (x1.5 from 100 ms, cap 5 s)."""


class Remote(remote.Command):
    """A remote command with a pinned host and a dial budget; `update` defaults to `create`, both idempotent."""

    def __init__(
        self,
        name: str,
        *,
        connection: remote.ConnectionArgs,
        create: pulumi.Input[str],
        delete: pulumi.Input[str] | None = None,
        triggers: Sequence[Any] | None = None,
        secret_output: bool = False,
        sudo: bool = False,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`sudo`: whether the user of `connection` is not root (Node.sudo)."""
        # a login shell may be any, and only bash takes `set -o pipefail`
        create = pulumi.Output.from_input(create).apply(lambda text: by_bash(text, sudo))
        delete = delete if delete is None else pulumi.Output.from_input(delete).apply(lambda text: by_bash(text, sudo))
        if secret_output:
            secret = pulumi.ResourceOptions(additional_secret_outputs=["stdout", "stderr"])
            opts = pulumi.ResourceOptions.merge(opts, secret)
        super().__init__(
            name,
            connection=connection,
            create=create,
            update=create,
            delete=delete,
            triggers=list(triggers) if triggers is not None else None,
            logging=remote.Logging.NONE if secret_output else remote.Logging.STDERR,
            add_previous_output_in_env=False,
            opts=opts,
        )


def connection(
    host: pulumi.Input[str],
    port: pulumi.Input[int],
    private_key: pulumi.Input[str],
    host_key: pulumi.Input[str],
    user: str = "root",
    bastion: remote.ProxyConnectionArgs | None = None,
) -> remote.ConnectionArgs:
    """SSH to one node. `host_key` is its public key line ("ssh-ed25519 AAAA..."): another key is refused.

    `bastion`: the host to go through, as `through` makes it.
    """
    return remote.ConnectionArgs(
        host=host,
        port=pulumi.Output.from_input(port).apply(float),
        user=user,
        private_key=pulumi.Output.secret(private_key),
        host_key=host_key,
        proxy=bastion,
        dial_error_limit=DIAL_ERROR_LIMIT,
        per_dial_timeout=30,
    )


def through(
    host: str, port: int, private_key: pulumi.Input[str], host_key: str, user: str = "root"
) -> remote.ProxyConnectionArgs:
    """A bastion, with a key of its own and its own host key pinned."""
    return remote.ProxyConnectionArgs(
        host=host,
        port=float(port),
        user=user,
        private_key=pulumi.Output.secret(private_key),
        host_key=host_key,
        dial_error_limit=DIAL_ERROR_LIMIT,
        per_dial_timeout=30,
    )
