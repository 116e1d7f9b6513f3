"""Texts for stack files: good and bad ones of every kind of text that settings know.

Owns the table. It is closed: a text setting whose validator is not in it stops the generator, so that a new kind of
text gets its samples when it is made. Good ones stand at the ends of what is taken, bad ones one step beyond.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, get_args

from pydantic import AfterValidator, PlainValidator
from pydantic.fields import FieldInfo

from fjordkube import versions
from fjordkube.settings import artifacts, types
from fjordkube.settings.nodes import openstack, upcloud
from tests.unit.ssh_server import line, new_key

KEY: Final = line(new_key()[1])


@dataclass(frozen=True)
class Samples:
    """What may stand in a field, and what may not."""

    good: Sequence[Any]
    bad: Sequence[Any]


HOSTILE: Final[Sequence[Any]] = (
    *("", " ", "~", "null", "on", "no", "0", "-1", "0x10", "1e3", "NaN", "a\nb", "a\tb", "a b", "é", "４", "\u2028"),
    *(
        "'; rm -rf / #",
        "$(reboot)",
        "`id`",
        "${HOME}",
        "%s%n",
        "{{ .Values }}",
        "*",
        "&a",
        "!!int 1",
        "../../etc/passwd",
    ),
    *(
        "a" * 64,
        "a" * 254,
        "x" * 5000,
        "10.0.0.0/33",
        "10.0.0.1/8",
        "0.0.0.0/0",
        "::1",
        "fe80::1%eth0",
        "255.255.255.255",
    ),
    *(
        "EOF",
        "'",
        '"',
        "\\",
        "</script>",
        "a,b",
        "a=b:NoSchedule\n",
        "w1\n",
        "-w",
        "w-",
        "W1",
        "1" * 30,
        "<<: *a",
        "# x",
    ),
    *(0, -1, 1, 2**31 - 1, 2**31, 2**63, 10**18, 1.5, -0.0, True, False, None),
    *([], {}, [None], [[]], {"a": 1}, ["a", "a"], {"name": "w1"}, [{}], {"": ""}, ["w1", "w1"]),
)
"""What is put in any place, whatever belongs there."""

LABEL: Final = Samples(
    ["a", "0", "w1", "a-b", "x" * 63, "9" + "a" * 61 + "9"], ["A", "-a", "a-", "a.b", "a_b", "x" * 64, "", "a\n"]
)
HOSTNAME: Final = Samples(
    ["a", "a.b", "xn--bl-zia.no", ".".join(["a" * 63] * 3) + "." + "b" * 61, "0.a", "demo.example.no"],
    ["A.no", "a..b", ".a", "a.", "a_b.no", "1.2.3.4", "a.1", ".".join(["a" * 63] * 4), "a.no\n", "*.a.no"],
)
NAMES: Final = Samples(
    ["x", "m1.large", "A name, with 'quotes' $HOME", "ø", "y" * 255], ["", " x", "x ", "a\nb", "y" * 5000]
)
CIDR: Final = Samples(
    ["0.0.0.0/0", "203.0.113.0/24", "198.51.100.7/32", "10.0.0.0/8", "192.0.2.0/31", "128.0.0.0/1"],
    [
        "10.0.0.1/8",
        "10.0.0.0/33",
        "10.0.0.0",
        "10.0.0.0/08",
        "224.0.0.0/4",
        "127.0.0.0/8",
        "fd00::/8",
        "10.0.0/8",
        "/8",
    ],
)

TABLE: Final[Mapping[Any, Samples]] = {
    types.Cidr: CIDR,
    types.IPv4: Samples(
        ["10.1.0.11", "192.168.77.254", "0.0.0.0"], ["10.1.0.256", "10.1.0.11/24", "010.1.0.1", "::1", "a"]
    ),
    types.Label: LABEL,
    types.PoolName: Samples(["web", "a", "x" * 59], [*LABEL.bad, "x" * 60]),
    types.LabelKey: Samples(
        ["tier", "example.no/tier", "a" * 63, "A.b_c-D", ".".join(["a" * 63] * 3) + ".a/" + "k" * 63],
        [
            "a" * 64,
            "a..b/x",
            "/x",
            "x/",
            "kubernetes.io/hostname",
            "a b",
            "node-role.kubernetes.io/control-plane",
            "-a",
        ],
    ),
    types.LabelValue: Samples(["", "web", "a" * 63, "A_b.c-1", "0"], ["a" * 64, "-a", "a/b", "a b", "é"]),
    types.Taint: Samples(
        [
            "a=b:NoSchedule",
            "dedicated:PreferNoSchedule",
            "example.no/gpu=:NoExecute",
            f"{'k' * 63}={'v' * 63}:NoSchedule",
        ],
        [
            "a=b",
            "a:Never",
            "=b:NoSchedule",
            "a=b:NoSchedule:NoExecute",
            "node.kubernetes.io/x:NoExecute",
            ":",
            "a= b:NoExecute",
        ],
    ),
    types.Zone: Samples(
        ["no-osl1", "no-svg1", "norwayeast"], ["Oslo", "se-sto1", "no_osl1", "xx-yyy1", "fi-hel1", "osl9", "no-"]
    ),
    types.Address: Samples(
        ["s3://fjord-state", "registry.example.no/fjord", "file:///a?b=c", "'$(id)'"],
        ["", "s3://u:p@b", "s3://a b", "ø"],
    ),
    types.HostKey: Samples(
        [KEY, f"{KEY} root@host"], ["ssh-ed25519 AAAA", "ssh-dss AAAA", KEY[:40], "-----BEGIN PRIVATE KEY-----"]
    ),
    types.UserName: Samples(["root", "debian", "_a", "a" * 32], ["Root", "1a", "a b", "a" * 33, "$(id)", ""]),
    types.Nic: Samples(
        ["eth1", "enp7s0", "a" * 15, "ens3.100", "br-x_1"],
        ["lo", "kube-ipvs0", "cali1", "a" * 16, "eth 1", "eth/1", '"'],
    ),
    types.DiskName: Samples(
        ["root", "LABEL=etcd", "/dev/vdb", "/dev/disk/by-id/scsi-0:0:0:1", "UUID=" + "a" * 64, "/dev/" + "a" * 128],
        ["vdb", "/etc/passwd", "LABEL=", "LABEL=a b", "/dev/$(id)", "/dev/" + "a" * 129, "UUID=" + "a" * 65],
    ),
    types.Hostname: HOSTNAME,
    types.Domain: Samples(
        [*HOSTNAME.good[:3], ".".join(["a" * 63] * 3) + "." + "b" * 57, "demo.example.no"],
        [*HOSTNAME.bad, ".".join(["a" * 63] * 3) + "." + "b" * 58],
    ),
    types.HostnameOrIp: Samples(
        ["203.0.113.7", "2001:db8::1", "a.no"], ["fe80::1%eth0", "203.0.113.256", "A.no", "a no"]
    ),
    types.CertificateName: Samples(
        ["*.example.no", "203.0.113.7", "2001:db8::1", "a"], ["*", "a.*.no", "*.*.no", "fe80::1%a", "A"]
    ),
    types.Line: NAMES,
    types.KubernetesVersion: Samples([*versions.KUBERNETES], ["1.37.1", "v1.37", "v1.10.0", "latest", "v1.37.1\n"]),
    types.CalicoVersion: Samples([*versions.CALICO], ["3.28.5", "v3.28", "v3.99.0", ""]),
    types.IngressNginxVersion: Samples([*versions.INGRESS_NGINX], ["1.15.1", "v1.15", "v1.99.0", "latest"]),
    types.CpuQuantity: Samples(
        ["0m", "100m", "0.5", "1", "1.125", "999m"], ["1.2345", "100", "1e3", "-1", "100M", "9999999m", "1,5"]
    ),
    types.MemoryQuantity: Samples(
        ["0Ki", "256Mi", "1Gi", "1048576Ki"], ["256MB", "256", "1.5Gi", "-1Mi", "1gi", "9999999999Mi"]
    ),
    types.Duration: Samples(
        ["0s", "24h", "1h30m", "720h", "90s", "43200m"], ["1d", "721h", "1.5h", "24", "-1h", "30m1h", ""]
    ),
    types.NginxTime: Samples(["1s", "5s", "1m", "10m", "1h"], ["1w", "10", "1.5s", "366d", "-1s", "1h 30m", ""]),
    types.NginxSize: Samples(["1k", "4k", "64K", "1m", "16M"], ["1g", "1kb", "-1", "9" * 16, "1.5k", ""]),
    types.HeaderBuffers: Samples(
        ["4 8k", "1 512", "64 1m", "2 1024"], ["0 8k", "65 8k", "4 511", "4  8k", "4 2m", "8k 4", "4"]
    ),
    types.Image: Samples(
        ["registry.example.no/a/b:v1", "a:1", "localhost:5000/x:" + "t" * 128],
        ["a@sha256:0", "A:1", "a:", "a b", "a//b:1", "a" * 256],
    ),
    types.Digest: Samples(
        ["sha256:" + "0" * 64], ["sha256:" + "0" * 63, "sha256:" + "G" * 64, "sha512:" + "0" * 128, ""]
    ),
    types.WorkerProcesses: Samples(["auto", 1, 2, 512], [0, 513, "1", "AUTO", 1.5, True]),
    artifacts.Url: Samples(
        ["https://mirror.example.no/files", "http://10.1.0.5:8080", "https://a.no/b/"],
        ["mirror.example.no", "ftp://a.no", "https://user:word@a.no", "https://", "https://a.no/?x", "http://a:b", ""],
    ),
    artifacts.Registry: Samples(
        ["registry.example.no", "registry.example.no:5000/k8s", "10.1.0.5:5000"],
        ["https://registry.example.no", "user@registry.example.no", "A.no", "a.no/", "a.no:port", ""],
    ),
    artifacts.ProjectPath: Samples(["bundles/one", "~/bundles/one", "one.tar"], ["/srv/one", " one", ""]),
    upcloud.Plan: Samples(["2xCPU-4GB", "4xCPU-8GB", "80xCPU-512GB"], ["DEV-2xCPU-4GB", "3xCPU-4GB", "2xcpu-4gb", "x"]),
    openstack.Uuid: Samples(
        ["4d5ad2a1-3f0d-4a8e-9a8e-4c1f4b0e7a11"], ["4D5AD2A1-3f0d-4a8e-9a8e-4c1f4b0e7a11", "4d5ad2a1", "create", ""]
    ),
}
"""By the type of `settings.types` and its like."""

PATTERNS: Final[Mapping[str, Samples]] = {
    r"^[A-Za-z0-9-]{1,46}$": Samples(["X-Powered-By", "a", "-", "a" * 46], ["a b", "", "a" * 47, "X_A", "a\n", "a;b"]),
}
"""Of fields that have only a pattern."""


def validators(parts: Sequence[Any]) -> list[Any]:
    """The functions that judge a text, from what is written beside its type."""
    return [part.func for part in parts if isinstance(part, AfterValidator | PlainValidator)]


_BY_FUNCTION: Final = {validators(get_args(kind))[-1]: samples for kind, samples in TABLE.items()}
"""By the last of a type's functions: the first may be that of the type it narrows."""


def samples(parts: Sequence[Any]) -> Samples:
    """Those of a text with these parts beside its type. LookupError for a kind that is not in the table."""
    functions = validators(parts)
    for function in reversed(functions):
        if function in _BY_FUNCTION:
            return _BY_FUNCTION[function]
    pattern = next((part.pattern for part in parts if getattr(part, "pattern", None)), None)
    if pattern is not None and pattern in PATTERNS:
        return PATTERNS[pattern]
    # openstack's `network` is `create` or an id
    if functions == [openstack._network]:
        return Samples(["create"], TABLE[openstack.Uuid].bad[:-2])
    raise LookupError(f"no samples for a text with {parts}")


def flattened(parts: Sequence[Any]) -> list[Any]:
    """What is written beside a type, with what `Field` holds laid out."""
    return [inner for part in parts for inner in (part.metadata if isinstance(part, FieldInfo) else [part])]
