"""Secrets that belong to a stack and not to a computer: the keys that enter its machines, the seed of its host keys.

Owns keeping them in the stack's state, encrypted, so that any runner with the state goes on where another stopped, and
a preview without the key shows no difference. Leaves where a key comes from to stack_config.py and ssh_key.py.
"""

from __future__ import annotations

from typing import Final

import pulumi
from pulumi_command import local

from fjordkube.nodes import ssh_key
from fjordkube.nodes.stack_config import configured

SEED_BYTES: Final = 48
"""Of chance in a seed; 32 would do for Ed25519 keys."""


class LoginKey(local.Command):
    """A private key that enters machines, kept in the state. Its command only repeats what it is given."""

    private: pulumi.Output[str]
    """Secret."""
    public: pulumi.Output[str]
    """Public line without a comment; unknown until the state has the key."""

    def __init__(self, name: str, config: str, path: str, opts: pulumi.ResourceOptions | None = None) -> None:
        """`config`: SSH_KEY or BASTION_KEY, which comes before the file at `path`; `key_problem` has passed them."""
        text = configured(config)
        if text is None and ssh_key.expanded(path).exists():
            text = ssh_key.private(path)
        # Without a key at hand the state's own stands; only a preview comes here without one.
        kept = pulumi.ResourceOptions(
            additional_secret_outputs=["stdout", "stderr"], ignore_changes=None if text else ["stdin"]
        )
        super().__init__(
            name,
            create="cat",
            update="cat",
            # one end, however it was handed over: `pulumi config set` takes a last newline away
            stdin=pulumi.Output.secret(f"{text.rstrip()}\n" if text else ""),
            logging=local.Logging.NONE,
            add_previous_output_in_env=False,
            opts=pulumi.ResourceOptions.merge(opts, kept),
        )
        self.private = pulumi.Output.secret(self.stdout)
        self.public = pulumi.Output.unsecret(self.stdout.apply(lambda key: ssh_key.public_line(key.encode())))


class HostKeySeed(local.Command):
    """What the host keys of a stack's machines are derived from (host_keys.py); made once, by chance."""

    text: pulumi.Output[str]
    """Secret."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        kept = pulumi.ResourceOptions(additional_secret_outputs=["stdout", "stderr"])
        super().__init__(
            name,
            create=f"head -c {SEED_BYTES} /dev/urandom | base64 | tr -d '\\n'",
            logging=local.Logging.NONE,
            add_previous_output_in_env=False,
            opts=pulumi.ResourceOptions.merge(opts, kept),
        )
        self.text = pulumi.Output.secret(self.stdout)
