"""The vocabulary of settings: annotated types, each validated once and used everywhere.

Owns the shape of single values (a CIDR, a host name, a port). Leaves what must hold between values to
`consistency/`. Every refusal is a `state; fix` pair; a value is repeated in it only where it is short and plain,
because a secret pasted into the wrong field must not reach a log.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from contextlib import suppress
from ipaddress import AddressValueError, IPv4Address, IPv4Network, NetmaskValueError, ip_address
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from fjordkube import versions

# 20 characters hold every network, version and port, and no token or key in hexadecimal digits or base64
_PLAIN: Final = re.compile(r"^-?[A-Za-z0-9][A-Za-z0-9._:/+-]{0,19}$")
_LABEL: Final = re.compile(r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")
_DOTTED: Final = re.compile(r"^[0-9]{1,3}(\.[0-9]{1,3}){3}$")
_CIDR: Final = re.compile(r"^[0-9]{1,3}(\.[0-9]{1,3}){3}/(0|[1-9][0-9]?)$")
_LENGTH: Final = re.compile(r"^(0|[1-9][0-9]?)$")
_LABEL_FIX: Final = "use lower-case letters, digits and inner dashes, at most 63"
_IMAGE: Final = re.compile(
    r"^[a-z0-9]+([.-][a-z0-9]+)*(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?$"
)
_DIGEST: Final = re.compile(r"^sha256:[0-9a-f]{64}$")
_VERSION: Final = re.compile(r"^v[0-9]+\.[0-9]+\.[0-9]+$")
_BARE_VERSION: Final = re.compile(r"^[0-9]+\.[0-9]+\.[0-9]+$")
_CPU: Final = re.compile(r"^([0-9]{1,6}m|[0-9]{1,3}(\.[0-9]{1,3})?)$")
_MEMORY: Final = re.compile(r"^([0-9]{1,9})(Ki|Mi|Gi|Ti)$")
_GO_DURATION: Final = re.compile(r"^([0-9]{1,9}h)?([0-9]{1,9}m)?([0-9]{1,9}s)?$")
_NGINX_TIME: Final = re.compile(r"^[0-9]{1,12}(ms|s|m|h|d)$")
_NGINX_SIZE: Final = re.compile(r"^[0-9]{1,15}[kKmM]?$")
_HEADER_BUFFERS: Final = re.compile(r"^[0-9]{1,4} [0-9]{1,15}[kKmM]?$")
_LABEL_KEY: Final = re.compile(
    r"^([a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*/)?"
    r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$"
)
_LABEL_VALUE: Final = re.compile(r"^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$")
_ZONE: Final = re.compile(r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")
_HOST_KEY: Final = re.compile(r"^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)) [A-Za-z0-9+/]+=*( .*)?$")
_USER: Final = re.compile(r"^[a-z_][a-z0-9_-]{0,31}$")
_NIC: Final = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$")
# seconds; the kernel's own default is 5 days
_LONGEST_TRACKING: Final = 720 * 3600
_DISK: Final = re.compile(r"^(root|(LABEL|UUID|PARTLABEL|PARTUUID)=[A-Za-z0-9._-]{1,64}|/dev/[A-Za-z0-9._/:-]{1,128})$")
_OWNED_LABELS: Final = {
    "kubernetes.io/hostname": "the kubelet",
    "kubernetes.io/os": "the kubelet",
    "kubernetes.io/arch": "the kubelet",
    "beta.kubernetes.io/os": "the kubelet",
    "beta.kubernetes.io/arch": "the kubelet",
    "node-role.kubernetes.io/control-plane": "kubeadm",
}
_FOREIGN_NICS: Final = re.compile(
    r"lo|(kube-ipvs|nodelocaldns|tunl|ip6tnl|ip6gre|sit|gre|erspan|dummy|docker|podman|lxcbr|lxdbr|virbr|veth|cni|flannel|"
    r"cali|vxlan|wireguard\.).*"
)
API_LABEL: Final = "api."
"""Start of the Kubernetes API's name below the domain."""
_TAINT_EFFECTS: Final = ("NoSchedule", "PreferNoSchedule", "NoExecute")


def refusal(state: str, fix: str) -> PydanticCustomError:
    """The error of a validator: what is wrong with the value, and what to write instead."""
    return PydanticCustomError("setting", "{state}; {fix}", {"state": state, "fix": fix})


def shown(value: object) -> str:
    """The value if it is short and plain enough to repeat, else "the value"."""
    text = str(value)
    return text if _PLAIN.fullmatch(text) else "the value"


def _cidr(value: str) -> str:
    example = "write a network such as 10.244.0.0/16"
    address, slash, length = value.partition("/")
    if not slash and _DOTTED.fullmatch(value):
        raise refusal(f"{value} is an address without a prefix length", f"write {value}/32 for it alone, or a network")
    if ":" in address and slash:
        raise refusal("is an IPv6 network", "IPv4 only today: " + example)
    if not slash:
        raise refusal(f"{shown(value)} is not a CIDR: it has no prefix length", example)
    if not _LENGTH.fullmatch(length) or int(length) > 32:
        raise refusal(f"{shown(value)} is not a CIDR: the prefix length is not 0 to 32", example)
    try:
        network = IPv4Network(value, strict=False)
    except (AddressValueError, NetmaskValueError, ValueError):
        raise refusal(f"{shown(value)} is not a CIDR", example) from None
    if str(network.network_address) != address:
        raise refusal(f"{value} has host bits set", f"write {network}")
    if network.is_multicast or network.is_loopback or network.is_link_local or network.is_reserved:
        raise refusal(f"{value} is reserved (multicast, loopback, link-local or class E)", "use a private network")
    return str(network)


def _ipv4(value: str) -> str:
    address, slash, length = value.partition("/")
    if slash and _DOTTED.fullmatch(address) and _LENGTH.fullmatch(length):
        # a /32 would make every neighbour look as if it stood behind a router
        why = ", with which Calico takes every neighbour for a far one (calico#2375)" if length == "32" else ""
        raise refusal(f"{value} has a prefix length{why}", f"write {address}; the length is nodes.private_cidr's")
    try:
        return str(IPv4Address(value))
    except AddressValueError:
        raise refusal(f"{shown(value)} is not an IPv4 address", "write one such as 192.168.77.11") from None


def _label(value: str) -> str:
    if not _LABEL.fullmatch(value):
        raise refusal(f"{shown(value)} is not a DNS label", _LABEL_FIX)
    return value


def _pool_name(value: str) -> str:
    if len(_label(value)) > 59:
        raise refusal(f"has {len(value)} characters, and a number comes after them", "use at most 59")
    return value


def _hostname(value: str) -> str:
    labels = value.split(".")
    if len(value) > 253 or not all(_LABEL.fullmatch(label) for label in labels) or labels[-1].isdecimal():
        raise refusal(
            f"{shown(value)} is not a host name", "use lower-case DNS labels joined by dots, e.g. demo.fjord.internal"
        )
    return value


def _hostname_or_ip(value: str) -> str:
    # in fe80::1%eth0, what follows % may be any text
    with suppress(ValueError):
        return str(ip_address("" if "%" in value else value))
    return _hostname(value)


def _certificate_name(value: str) -> str:
    if not value.startswith("*."):
        return _hostname_or_ip(value)
    _hostname(value[2:])
    return _short(value, 253)


def _domain(value: str) -> str:
    return _short(_hostname(value), 253 - len(API_LABEL))


def _short(value: str, most: int) -> str:
    if len(value) > most:
        raise refusal(f"has {len(value)} characters, and names made of it would be too long for DNS", f"use {most}")
    return value


def _supported(value: str, table: Any, what: str) -> str:
    if _BARE_VERSION.fullmatch(value):
        raise refusal(f"{value} lacks the leading v", f"write v{value}" if f"v{value}" in table else _use(table))
    if not _VERSION.fullmatch(value):
        raise refusal(f"{shown(value)} is not a version", _use(table))
    if value not in table:
        raise refusal(f"{what} {shown(value)} is not supported", _use(table))
    return value


def _use(table: Any) -> str:
    return f"use {versions.names(table)}"


def _kubernetes_version(value: str) -> str:
    return _supported(value, versions.KUBERNETES, "Kubernetes")


def _calico_version(value: str) -> str:
    return _supported(value, versions.CALICO, "Calico")


def _ingress_nginx_version(value: str) -> str:
    return _supported(value, versions.INGRESS_NGINX, "ingress-nginx")


def _asn(value: int) -> int:
    # RFC 7607 (0), RFC 6793 (23456 is AS_TRANS), RFC 7300 (the last of 16 bits)
    if value in {0, 23456, 65535}:
        raise refusal(f"{value} is a reserved AS number", "use a private one, e.g. 64512 to 65534")
    return value


def _image(value: str) -> str:
    if "@" in value:
        raise refusal("holds an @", "write name:tag here and the digest in ingress.digest")
    if not _IMAGE.fullmatch(value) or len(value) > 255:
        raise refusal("is not an image name", "write one such as registry.k8s.io/ingress-nginx/controller:v1.15.1")
    return value


def _is_label_key(value: str) -> bool:
    prefix = value.rpartition("/")[0]
    return bool(_LABEL_KEY.fullmatch(value)) and len(prefix) <= 253 and all(len(p) <= 63 for p in prefix.split("."))


def _label_key(value: str) -> str:
    if not _is_label_key(value):
        raise refusal(f"{shown(value)} is not a label's name", "write one such as tier or example.no/tier")
    if value in _OWNED_LABELS:
        raise refusal(f"is a label that {_OWNED_LABELS[value]} writes", "remove it, or use a name of your own")
    return value


def _label_value(value: str) -> str:
    if not _LABEL_VALUE.fullmatch(value):
        raise refusal(f"{shown(value)} is not a label's value", "use letters, digits, dots, dashes, at most 63")
    return value


def _taint(value: str) -> str:
    text, _, effect = value.rpartition(":")
    key, _, content = text.partition("=")
    if not _is_label_key(key) or not _LABEL_VALUE.fullmatch(content) or effect not in _TAINT_EFFECTS:
        fix = f"write key=value:effect, e.g. dedicated=web:NoSchedule; effects are {', '.join(_TAINT_EFFECTS)}"
        raise refusal(f"{shown(value)} is not a taint", fix)
    if key.startswith(("node.kubernetes.io/", "node.cloudprovider.kubernetes.io/")):
        raise refusal("is a taint that Kubernetes sets and takes away by itself", "use a name of your own")
    return value


def _zone(value: str) -> str:
    if _ZONE.fullmatch(value) and len(value) <= 40:
        return value
    spelt = value.strip().lower().replace("_", "-")
    if _ZONE.fullmatch(spelt) and len(spelt) <= 20:
        # said and not mended: a file has one spelling of a place, and a provider takes no other
        marks = {"blanks around it": value != value.strip(), "capitals": value != value.lower(), "_": "_" in value}
        raise refusal(f"has {' and '.join(mark for mark, found in marks.items() if found)}", f"write {spelt}")
    raise refusal(f"{shown(value)} is not a zone", "write one in lower case, e.g. no-svg1")


def _address(value: str) -> str:
    if not value or not value.isascii() or not value.isprintable() or " " in value:
        raise refusal("is empty or has blanks or letters beyond ASCII in it", "write it without them")
    if "@" in value.partition("://")[2].partition("/")[0]:
        raise refusal("has a login in it", "leave user and password out; credentials come by the environment")
    return value


def _host_key(value: str) -> str:
    fix = "write the public line of its key, e.g. ssh-ed25519 AAAA..., as `make host-keys` prints it"
    if not _HOST_KEY.fullmatch(value):
        private = "PRIVATE KEY" in value
        raise refusal("is a private key" if private else "is not a public SSH host key", fix)
    kind, data = value.split()[:2]
    try:
        raw = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise refusal("is not a whole SSH host key: its base64 is cut off", fix) from None
    # the key's own first field (RFC 4253, 6.6) repeats its type
    if len(raw) < 40 or raw[4 : 4 + int.from_bytes(raw[:4])] != kind.encode():
        raise refusal(f"is not a whole SSH host key of type {kind}", fix)
    return f"{kind} {data}"


def _schema(pattern: re.Pattern[str]) -> Any:
    """What an editor checks as one types; `load` checks more."""
    return Field(json_schema_extra={"pattern": pattern.pattern})


def _shape(pattern: re.Pattern[str], state: str, fix: str) -> AfterValidator:
    def verify(value: str) -> str:
        if not value or not pattern.fullmatch(value):
            raise refusal(f"{shown(value)} {state}", fix)
        return value

    return AfterValidator(verify)


def _line(value: str) -> str:
    if not value or len(value) > 4096 or not value.isprintable() or value != value.strip():
        raise refusal("is empty, too long, or has line ends or blanks around it", "write it in one line, without them")
    return value


def _nic(value: str) -> str:
    if _FOREIGN_NICS.fullmatch(value):
        raise refusal(
            f"{value} is no NIC but made by the system, kube-proxy or a pod network", "name the NIC, e.g. eth1"
        )
    return value


def _go_time(value: str) -> str:
    units = {"h": 3600, "m": 60, "s": 1}
    if sum(int(number) * units[unit] for number, unit in re.findall("([0-9]+)([hms])", value)) > _LONGEST_TRACKING:
        raise refusal(f"{shown(value)} is longer than 30 days", "use 720h or less")
    return value


def _header_buffers(value: str) -> str:
    if not _HEADER_BUFFERS.fullmatch(value):
        raise refusal("is not a number and a size", "write them with one blank between, e.g. 4 8k")
    number, _, size = value.partition(" ")
    # nginx takes no buffer below its connection_pool_size, 512 on 64 bits
    if not (1 <= int(number) <= 64 and 512 <= size_bytes(size) <= 1024**2):
        raise refusal("is out of range", "use 1 to 64 buffers of 512 to 1m, e.g. 4 8k")
    return value


def within(least: str, most: str, amount: Callable[[str], int]) -> AfterValidator:
    """A validator of nginx times (with `millis`) or nginx sizes (with `size_bytes`) between two others."""

    def verify(value: str) -> str:
        if not amount(least) <= amount(value) <= amount(most):
            raise refusal(f"{shown(value)} is out of range", f"use {least} to {most}")
        return value

    return AfterValidator(verify)


def size_bytes(value: str) -> int:
    """Bytes of an `NginxSize`, e.g. 8192 for 8k."""
    return int(value.rstrip("kKmM")) * {"k": 1024, "m": 1024**2}.get(value[-1].lower(), 1)


def millis(value: str) -> int:
    """Milliseconds of an `NginxTime`, e.g. 240000 for 240s."""
    number = value.rstrip("msdh")
    return int(number) * {"ms": 1, "s": 1000, "m": 60000, "h": 3600000, "d": 86400000}[value[len(number) :]]


def _worker_processes(value: Any) -> Any:
    if value == "auto" or (type(value) is int and 1 <= value <= 512):
        return value
    if type(value) is int:
        raise refusal(f"{value} is out of range", "write auto (one per CPU) or a whole number from 1 to 512")
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        raise refusal("is a number in quotes", f"write {shown(value)} without quotes")
    raise refusal("is not a number of processes", "write auto (one per CPU) or a whole number from 1 to 512")


Flag = Annotated[bool, Field(strict=True)]
"""true or false; the texts "yes" and "no" are refused, because Pulumi's YAML does not read them as booleans."""

Whole = Annotated[int, Field(strict=True)]
"""A whole number; a number in quotes is refused, so that a file has one way to say a thing."""

Count = Annotated[int, Field(strict=True, ge=1, le=1000000000)]
"""A whole number from 1 to 1000000000."""

# Text, as all of these: `ipaddress.IPv4Network` calculates with it.
Cidr = Annotated[str, AfterValidator(_cidr), _schema(_CIDR)]
"""An IPv4 network without host bits, e.g. 10.244.0.0/16."""

IPv4 = Annotated[str, AfterValidator(_ipv4), _schema(_DOTTED)]
"""An IPv4 address, e.g. 192.168.77.11."""

Label = Annotated[str, AfterValidator(_label), _schema(_LABEL)]
"""A DNS label (RFC 1123), e.g. fjord."""

PoolName = Annotated[str, AfterValidator(_pool_name), _schema(_LABEL)]
"""A pool's name: a DNS label of at most 59 characters, because numbers up to 1000 come after it; e.g. web."""

NodeName = Annotated[str, AfterValidator(_label), _schema(_LABEL)]
"""A node's name: a DNS label, because it is a host name, a Kubernetes node name and a resource name; e.g. w1."""

LabelKey = Annotated[str, AfterValidator(_label_key)]
"""Name of a Kubernetes label, with or without a DNS prefix, e.g. tier or example.no/tier."""

LabelValue = Annotated[str, AfterValidator(_label_value)]
"""Value of a Kubernetes label, e.g. web; may be empty."""

Taint = Annotated[str, AfterValidator(_taint)]
"""A Kubernetes taint as kubectl writes it, key=value:effect or key:effect, e.g. dedicated=web:NoSchedule."""

Zone = Annotated[str, AfterValidator(_zone), _schema(_ZONE)]
"""Where something stands, as its provider spells it (no-svg1, osl, norwayeast), or country-dash-place with the
country's ISO code (no-osl1). Whether it may be there is `residency`."""

Address = Annotated[str, AfterValidator(_address)]
"""Where something is reached, e.g. s3://fjord-state or registry.example.no/fjord; never with a login in it."""

HostKey = Annotated[str, AfterValidator(_host_key)]
"""Public line of an SSH host key, e.g. ssh-ed25519 AAAA..."""

UserName = Annotated[str, _shape(_USER, "is not a user's name", "write one such as root or debian"), _schema(_USER)]
"""A user on a node, e.g. root or debian."""

Nic = Annotated[
    str, _shape(_NIC, "is not a network interface", "write one such as eth1"), AfterValidator(_nic), _schema(_NIC)
]
"""A network interface on a node, e.g. eth1 or enp7s0; at most 15 characters."""

DiskName = Annotated[
    str,
    _shape(_DISK, "does not name a disk", "write LABEL=etcd, UUID=..., a device such as /dev/vdb, or root"),
    _schema(_DISK),
]
"""A disk as mount(8) takes it: LABEL=, UUID=, PARTLABEL=, PARTUUID= or a device below /dev, e.g. LABEL=etcd; or root,
the disk that the system is on."""

Domain = Annotated[str, AfterValidator(_domain)]
"""A DNS domain below which the cluster's names are, e.g. fjord.internal; at most 249 characters."""

Hostname = Annotated[str, AfterValidator(_hostname)]
"""A DNS name in lower case, e.g. demo.fjord.internal."""

HostnameOrIp = Annotated[str, AfterValidator(_hostname_or_ip)]
"""A DNS name or an IP address, e.g. api.example.no or 203.0.113.7."""

CertificateName = Annotated[str, AfterValidator(_certificate_name)]
"""A DNS name, an IP address, or all names below one, e.g. api.example.no, 203.0.113.7 or *.example.no."""

Line = Annotated[str, AfterValidator(_line)]
"""Text in one line without blanks around it, e.g. ~/.ssh/fjordkube."""

Port = Annotated[int, Field(strict=True, ge=1, le=65535)]
"""A TCP port."""

HostPort = Annotated[int, Field(strict=True, ge=1024, le=65535)]
"""A TCP port on this machine that needs no privilege, e.g. 8080."""

Asn = Annotated[int, Field(strict=True, ge=0, le=2147483647), AfterValidator(_asn)]
"""A BGP autonomous system number that is not reserved, e.g. 64512; at most 2147483647, because Calico's CRD has 32 bits
with a sign (calico#13494)."""

KubernetesVersion = Annotated[
    str, AfterValidator(_kubernetes_version), WithJsonSchema({"type": "string", "enum": list(versions.KUBERNETES)})
]
"""A Kubernetes version of `components/artifacts/upstream.toml`, e.g. v1.37.1."""

CalicoVersion = Annotated[
    str, AfterValidator(_calico_version), WithJsonSchema({"type": "string", "enum": list(versions.CALICO)})
]
"""A Calico version of `components/artifacts/upstream.toml`, e.g. v3.28.5."""

IngressNginxVersion = Annotated[
    str,
    AfterValidator(_ingress_nginx_version),
    WithJsonSchema({"type": "string", "enum": list(versions.INGRESS_NGINX)}),
]
"""An ingress-nginx version of `components/artifacts/upstream.toml`, e.g. v1.15.1."""

CpuQuantity = Annotated[
    str, _shape(_CPU, "is not an amount of CPU", "write one such as 100m or 0.5, in quotes"), _schema(_CPU)
]
"""Kubernetes CPU quantity, e.g. 100m (a tenth of a core)."""

MemoryQuantity = Annotated[
    str, _shape(_MEMORY, "is not an amount of memory", "write one such as 256Mi or 1Gi"), _schema(_MEMORY)
]
"""Kubernetes memory quantity in binary units, e.g. 256Mi."""

Duration = Annotated[
    str,
    _shape(_GO_DURATION, "is not a duration", "write one such as 24h, 1h30m or 90s"),
    AfterValidator(_go_time),
    _schema(_GO_DURATION),
]
"""Go duration, e.g. 24h; at most 720h."""

NginxTime = Annotated[
    str,
    _shape(_NGINX_TIME, "is not an nginx time", "write one such as 240s, 10m or 1h"),
    within("0s", "365d", millis),
    _schema(_NGINX_TIME),
]
"""nginx time, e.g. 240s; at most 365d."""

NginxSize = Annotated[
    str,
    _shape(_NGINX_SIZE, "is not an nginx size", "write one such as 8k or 1m"),
    within("0", "1048576m", size_bytes),
    _schema(_NGINX_SIZE),
]
"""nginx size in bytes, k or m, e.g. 8k; at most 1048576m (1 TiB)."""

HeaderBuffers = Annotated[str, AfterValidator(_header_buffers), _schema(_HEADER_BUFFERS)]
"""Number and size of nginx's buffers for large headers, e.g. 4 8k; 1 to 64 of 512 bytes to 1m."""

Image = Annotated[str, AfterValidator(_image), _schema(_IMAGE)]
"""Image name with tag, without digest, e.g. registry.k8s.io/ingress-nginx/controller:v1.15.1."""

Digest = Annotated[
    str, _shape(_DIGEST, "is not an image digest", "write sha256: and 64 hexadecimal digits"), _schema(_DIGEST)
]
"""Image digest, e.g. sha256:6b3f... (64 hexadecimal digits)."""

WorkerProcesses = Annotated[
    int | Literal["auto"], PlainValidator(_worker_processes, json_schema_input_type=int | Literal["auto"])
]
"""Number of nginx worker processes, 1 to 512, or auto."""


def _named(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


NamedByText: Final = BeforeValidator(_named)
"""Lets a plain text stand for a mapping with only that name: `w1` for `{name: w1}`."""


def cpu_millis(quantity: str) -> int:
    """Thousandths of a core of a `CpuQuantity`, e.g. 500 for 0.5 or 500m."""
    return int(quantity[:-1]) if quantity.endswith("m") else round(float(quantity) * 1000)


def memory_mib(quantity: str) -> float:
    """MiB of a `MemoryQuantity`, e.g. 256.0 for 256Mi."""
    match = _MEMORY.fullmatch(quantity)
    if not match:
        raise ValueError("not a memory quantity")
    return int(match[1]) * {"Ki": 1 / 1024, "Mi": 1, "Gi": 1024, "Ti": 1024**2}[match[2]]
