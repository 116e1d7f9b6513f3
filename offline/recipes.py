"""What goes into each image of the bundle: which programs, which Debian tree, which files of ours.

Owns the content of images. Leaves formats to `oci.py` and names to the manifest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from fjordkube.roots import cache_root
from offline import debian, gosource, keys, libraries, oci, programs
from offline.manifest import FOLDER, Manifest
from offline.oci import Layer, Start
from offline.step import Step, remove

APT_LEFTOVERS = (
    "var/cache/apt",
    "var/lib/apt/lists",
    "var/lib/dpkg/info",
    "var/log",
    "usr/share/zoneinfo",
    "usr/share/perl5",
)
NOT_IN_IMAGES = ("proc", "sys", "dev", "boot", "run", "tmp", *APT_LEFTOVERS)
"""Subtrees of a Debian tree that a container gets from its runtime or does not need."""

ROOT_USER = b"root:x:0:0:root:/root:/bin/sh\n"
WEB = (101, 82)
"""User and group of the ingress controller, as in its project's own images: a pod is the same with either."""


class Inputs:
    """Where a recipe finds what it puts together."""

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self._results = {step.name: step.result for step in programs.steps(manifest)}

    def program(self, name: str) -> Path:
        """A built program."""
        return self._results[name]

    def tree(self, name: str) -> Path:
        """A Debian tree."""
        return debian.tree_path(self.manifest.tree(name))

    def module(self, name: str) -> Path:
        """The source folder of an upstream module, in Go's cache."""
        module = self.manifest.module(name)
        return gosource.download(module.path, module.version, module.sum).folder


@dataclass(frozen=True)
class Recipe:
    """An image's parts and how they come together."""

    programs: tuple[str, ...]
    start: Start
    compose: Callable[[Layer, Inputs], None]
    trees: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    sources: tuple[Path, ...] = ()
    """Files of ours that are inputs besides this module."""


def _single(name: str, path: str, start: Start) -> Recipe:
    def compose(layer: Layer, inputs: Inputs) -> None:
        _skeleton(layer)
        layer.program(path, inputs.program(name))

    return Recipe((name,), start, compose)


def _skeleton(layer: Layer) -> None:
    """Folders and names that programs expect to find."""
    for folder in ("etc", "run", "var"):
        layer.folder(folder)
    layer.folder("tmp", 0o1777)
    layer.file("/etc/passwd", ROOT_USER)
    layer.file("/etc/nsswitch.conf", b"hosts: files dns\n")


def _debian(layer: Layer, tree: Path) -> None:
    layer.tree(tree, skip=NOT_IN_IMAGES)
    for folder in ("proc", "sys", "dev", "run", "var/log"):
        layer.folder(folder)
    layer.folder("tmp", 0o1777)


def _etcd(layer: Layer, inputs: Inputs) -> None:
    _skeleton(layer)
    for name in ("etcd", "etcdctl"):
        layer.program(f"/usr/local/bin/{name}", inputs.program(name))


def _kube_proxy(layer: Layer, inputs: Inputs) -> None:
    """kube-proxy calls iptables, nft, ipset, conntrack and modprobe: they come from the node's own Debian."""
    tree = inputs.tree("node")
    _skeleton(layer)
    for folder in ("bin", "sbin", "lib", "lib64"):
        layer.symlink(f"/{folder}", f"usr/{folder}")
    tools = ("xtables-nft-multi", "nft", "ipset", "conntrack")
    libraries.add(layer, tree, [f"/usr/sbin/{tool}" for tool in tools] + ["/usr/bin/kmod", "/usr/bin/dash"])
    for family in ("iptables", "ip6tables"):
        for suffix in ("", "-save", "-restore"):
            layer.symlink(f"/usr/sbin/{family}{suffix}", "xtables-nft-multi")
    for name in ("modprobe", "lsmod"):
        layer.symlink(f"/usr/sbin/{name}", "../bin/kmod")
    layer.symlink("/usr/bin/sh", "dash")
    # iptables' matches and targets are plug-ins
    plugins = "usr/lib/x86_64-linux-gnu/xtables"
    layer.tree(tree / plugins, at=f"/{plugins}")
    for name in ("protocols", "services"):
        if (tree / "etc" / name).exists():
            layer.file(f"/etc/{name}", tree / "etc" / name)
    layer.program("/usr/local/bin/kube-proxy", inputs.program("kube-proxy"))


def _calico_cni(layer: Layer, inputs: Inputs) -> None:
    _skeleton(layer)
    layer.program("/opt/cni/bin/install", inputs.program("calico-cni-install"))
    layer.program("/opt/cni/bin/calico", inputs.program("calico-cni"))
    # one program, told by its name what to do
    layer.hardlink("/opt/cni/bin/calico-ipam", "/opt/cni/bin/calico")


def _calico_kube_controllers(layer: Layer, inputs: Inputs) -> None:
    _skeleton(layer)
    layer.file("/etc/passwd", ROOT_USER + b"calico:x:999:999::/:/usr/sbin/nologin\n")
    layer.program("/usr/bin/kube-controllers", inputs.program("calico-kube-controllers"))
    layer.program("/usr/bin/check-status", inputs.program("calico-check-status"))
    for folder in ("status", "profiles"):
        layer.folder(folder, 0o777)


def _calico_node(layer: Layer, inputs: Inputs) -> None:
    source = inputs.module("calico")
    _debian(layer, inputs.tree("calico"))
    layer.remove("/etc/service")  # Debian's link to its own runit services

    def runnable(path: str, _mode: int) -> int:
        return 0o755 if path.endswith(("/run", "rc.local")) else 0o644

    layer.tree(source / "node/filesystem/etc", at="/etc", mode=_folders_open(source / "node/filesystem/etc", runnable))
    layer.tree(source / "node/filesystem/sbin", at="/usr/sbin", mode=lambda _path, _mode: 0o755)
    templates = source / "confd/etc/calico"
    layer.tree(templates, at="/etc/calico", mode=_folders_open(templates, lambda _path, _mode: 0o644))
    layer.folder("/etc/calico/confd/config")
    layer.folder("/etc/service/enabled")
    for name in ("bird_ipam.cfg.template", "bird6_ipam.cfg.template"):
        text = (templates / "confd/templates" / name).read_text()
        layer.file(f"/etc/calico/confd/templates/{name}", for_debian_bird(text).encode())
    boot = (source / "node/filesystem/etc/rc.local").read_bytes()
    layer.program("/etc/rc.local", boot if boot.startswith(b"#!") else b"#!/bin/sh\n" + boot)
    layer.program("/usr/bin/calico-node", inputs.program("calico-node"))
    for name, target in (("bird", "/usr/sbin/bird"), ("bird6", "/usr/sbin/bird6"), ("birdcl", "/usr/sbin/birdc")):
        layer.symlink(f"/usr/bin/{name}", target)
    layer.file("/in-the-container", b"")  # calico-node's own mark


def _folders_open(top: Path, files: Callable[[str, int], int]) -> Callable[[str, int], int]:
    """Modes for a tree from a module's zip: folders 0755, files by `files`."""
    return lambda path, mode: 0o755 if (top / path).is_dir() else files(path, mode)


def for_debian_bird(template: str) -> str:
    """A BIRD template of Calico's fork, made readable for Debian's BIRD 1.6.

    The fork knows a route attribute `krt_tunnel`, which the templates set even without encapsulation. Declared as a
    local variable of the filter it is read by the stock parser and has no effect, which is right without tunnels.
    """
    head = "filter calico_kernel_programming {"
    if template.count(head) != 1:
        raise ValueError("Calico's BIRD template has changed: its kernel filter was not found once")
    return template.replace(head, "filter calico_kernel_programming string krt_tunnel; {")


INGRESS_FILES = FOLDER / "images" / "ingress"


def _ingress(layer: Layer, inputs: Inputs) -> None:
    source = inputs.module("ingress-nginx") / "rootfs/etc"
    _debian(layer, inputs.tree("ingress"))
    layer.tree(source, at="/etc", skip=("nginx/lua/test",), mode=_folders_open(source, lambda _path, _mode: 0o644))
    layer.tree(INGRESS_FILES / "lua", at="/etc/nginx/lua", mode=_folders_open(INGRESS_FILES / "lua", lambda *_: 0o644))
    layer.file("/etc/nginx/stream_configuration.js", INGRESS_FILES / "stream_configuration.js")
    template = (source / "nginx/template/nginx.tmpl").read_text()
    stream = (INGRESS_FILES / "stream.conf.tmpl").read_text()
    layer.file("/etc/nginx/template/nginx.tmpl", with_stream_block(template, stream).encode())
    bind = oci.file_capability(oci.NET_BIND_SERVICE)
    tree = inputs.tree("ingress")
    layer.program("/usr/bin/nginx", INGRESS_FILES / "nginx.sh")
    layer.program("/usr/sbin/nginx", tree / "usr/sbin/nginx", bind)
    layer.program("/usr/bin/dumb-init", tree / "usr/bin/dumb-init", bind)
    layer.program("/nginx-ingress-controller", inputs.program("ingress-nginx-controller"), bind)
    layer.program("/dbg", inputs.program("ingress-nginx-dbg"))
    layer.program("/wait-shutdown", inputs.program("ingress-nginx-wait-shutdown"))
    for folder in ("ssl", "auth", "geoip", "telemetry"):
        layer.folder(f"/etc/ingress-controller/{folder}")
    for folder in ("/etc/nginx/modules", "/tmp/nginx", "/var/log/nginx", "/var/lib/nginx"):
        layer.folder(folder)
    layer.symlink("/var/log/nginx/access.log", "/dev/stdout")
    layer.symlink("/var/log/nginx/error.log", "/dev/stderr")
    for path in ("/etc/nginx", "/etc/ingress-controller", "/tmp/nginx", "/var/lib/nginx", "/var/log/nginx"):
        layer.own(path, *WEB)


def with_stream_block(template: str, stream: str) -> str:
    """The controller's nginx template with its stream block replaced: Debian has no Lua for nginx's stream module."""
    begin, end = "\nstream {", "{{/* definition of templates to avoid repetitions */}}"
    if template.count(begin) != 1 or template.count(end) != 1:
        raise ValueError("ingress-nginx' template has changed: its stream block was not found once")
    return template[: template.index(begin)] + "\n" + stream + "\n" + template[template.index(end) :]


RECIPES: Mapping[str, Recipe] = {
    "kube-apiserver": _single("kube-apiserver", "/usr/local/bin/kube-apiserver", Start(("kube-apiserver",))),
    "kube-controller-manager": _single(
        "kube-controller-manager", "/usr/local/bin/kube-controller-manager", Start(("kube-controller-manager",))
    ),
    "kube-scheduler": _single("kube-scheduler", "/usr/local/bin/kube-scheduler", Start(("kube-scheduler",))),
    "kube-proxy": Recipe(("kube-proxy",), Start(("kube-proxy",)), _kube_proxy, trees=("node",)),
    "coredns": _single("coredns", "/coredns", Start(("/coredns",))),
    "etcd": Recipe(("etcd", "etcdctl"), Start(), _etcd),
    "pause": _single("pause", "/pause", Start(("/pause",))),
    "calico-node": Recipe(
        ("calico-node",),
        Start(command=("start_runit",), environment=("SVDIR=/etc/service/enabled",)),
        _calico_node,
        trees=("calico",),
        modules=("calico",),
    ),
    "calico-cni": Recipe(("calico-cni", "calico-cni-install"), Start(command=("/opt/cni/bin/install",)), _calico_cni),
    "calico-kube-controllers": Recipe(
        ("calico-kube-controllers", "calico-check-status"),
        Start(("/usr/bin/kube-controllers",), user="999"),
        _calico_kube_controllers,
    ),
    "ingress-nginx-controller": Recipe(
        ("ingress-nginx-controller", "ingress-nginx-dbg", "ingress-nginx-wait-shutdown"),
        Start(("/usr/bin/dumb-init", "--"), ("/nginx-ingress-controller",), user=str(WEB[0])),
        _ingress,
        trees=("ingress",),
        modules=("ingress-nginx",),
        sources=(INGRESS_FILES,),
    ),
    "demo": _single("demo", "/demo", Start(("/demo",), user="65532")),
}


def image_step(key: str) -> str:
    """The step that writes an image's archive."""
    return f"image-{key}"


def archive(manifest: Manifest, key: str) -> Path:
    """Where the cache keeps an image's archive."""
    inputs, recipe = Inputs(manifest), RECIPES[key]
    image = next(i for i in manifest.images if i.key == key)
    digest = keys.of(
        image,
        recipe.start,
        [keys.place(inputs.program(p)) for p in recipe.programs],
        [keys.place(inputs.tree(t)) for t in recipe.trees],
        [manifest.module(m) for m in recipe.modules],
        list(recipe.sources),
        Path(__file__),
        Path(oci.__file__),
        Path(libraries.__file__),
    )
    return cache_root() / "images" / digest / f"{key}.tar"


def steps(manifest: Manifest) -> Iterator[Step]:
    """One step per image."""
    inputs = Inputs(manifest)
    for image in manifest.images:
        recipe = RECIPES[image.key]

        def build(target: Path, name: str = image.name, recipe: Recipe = recipe) -> None:
            layer = Layer()
            recipe.compose(layer, inputs)
            try:
                oci.write(target, name, layer, recipe.start)
            except BaseException:
                remove(target)
                raise

        yield Step(
            image_step(image.key),
            f"image {image.name.rpartition('/')[2]}",
            archive(manifest, image.key),
            build,
            image.seconds,
            lane="assemble",
            needs=(*recipe.programs, *(debian.tree_name(t) for t in recipe.trees)),
        )
