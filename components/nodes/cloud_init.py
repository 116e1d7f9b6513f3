"""What a new machine is told at its first boot: who it is, who may enter, and what disk etcd has.

Owns the text of cloud-init's user data, a secret, since it carries the host key. Leaves the host itself to `host/`:
whatever can be done over SSH is done there, where it is seen and repeated. Addresses come by DHCP from the provider,
which knows what it was asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi
import yaml

from fjordkube.nodes.host_keys import HostKey

ETCD_LABEL = "etcd"
"""Label of the file system on etcd's own disk; Node.etcd_device names it."""


@dataclass(frozen=True)
class FirstBoot:
    """One machine's first boot."""

    hostname: str
    """e.g. w1."""
    host_key: HostKey
    login_key: str
    """Public line of the key that enters as root, e.g. "ssh-ed25519 AAAA..."."""
    etcd_disk: str | None = None
    """A blank disk for etcd, e.g. /dev/vdb; None: there is none."""


def user_data(
    hostname: str, host_key: pulumi.Output[HostKey], login_key: pulumi.Output[str], etcd_disk: str | None
) -> pulumi.Output[str]:
    """Secret. The machine's user data."""
    parts = pulumi.Output.all(host_key, login_key)
    return pulumi.Output.secret(parts.apply(lambda both: text(FirstBoot(hostname, both[0], both[1], etcd_disk))))


def text(boot: FirstBoot) -> str:
    """The machine's cloud-config, with its private host key in clear."""
    content: dict[str, Any] = {
        "hostname": boot.hostname,
        # `hostname` alone is written again by some images from the provider's own name, which may have a domain.
        "preserve_hostname": False,
        "ssh_deletekeys": True,
        "ssh_keys": {
            "ed25519_private": _Block(boot.host_key.private),
            "ed25519_public": boot.host_key.public,
        },
        # Debian's images let nobody in as root, and put a notice in front of root's keys.
        "disable_root": False,
        "ssh_pwauth": False,
        "users": [{"name": "root", "lock_passwd": True, "ssh_authorized_keys": [boot.login_key]}],
    }
    if boot.etcd_disk:
        content["bootcmd"] = [["cloud-init-per", "instance", "etcd-disk", "sh", "-c", format_blank(boot.etcd_disk)]]
    return "#cloud-config\n" + yaml.dump(content, Dumper=_Dumper, sort_keys=False, width=1000)


def format_blank(device: str) -> str:
    """Shell text that makes etcd's file system on a device on which nothing is found, and on no other.

    Not fs_setup: with `overwrite: false` it still formats a disk that outlived its server, or that has another name
    today (cloud-init#3902). blkid ends with 2 where it finds nothing at all, neither file system nor partitions.
    """
    return f"blkid -p {device}; [ $? != 2 ] || mkfs.ext4 -q -F -L {ETCD_LABEL} {device}"


class _Block(str):
    """A text of several lines, written as such."""


class _Dumper(yaml.SafeDumper):
    """YAML as a person would write it."""


_Dumper.add_representer(
    _Block, lambda dumper, block: dumper.represent_scalar("tag:yaml.org,2002:str", str(block), style="|")
)
