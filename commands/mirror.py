"""`mirror`: fills a mirror of upstream's files and images from a bundle: a folder for a web server, and a registry."""

from __future__ import annotations

import argparse
import os
from ipaddress import ip_address
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from commands.console import say
from fjordkube.errors import FjordkubeError, listed
from fjordkube.settings.artifacts import Registry
from offline import mirror
from offline.registry import Place

LOGIN = "REGISTRY_LOGIN"


def add(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("--bundle", default="", help="the bundle's folder or .tar, of artifacts upstream")
    parser.add_argument("--files", default="", help="folder that your web server serves")
    parser.add_argument("--registry", default="", help="host[:port][/folder]; http:// before it for loopback alone")
    parser.add_argument("--ca-file", default="", help="certificate that signs the registry's, PEM")


def run(arguments: argparse.Namespace) -> int:
    """0; raises FjordkubeError with what stopped it."""
    login = os.environ.get(LOGIN, "")
    problems = [
        f"{name}: missing; {fix}"
        for name, value, fix in (
            ("BUNDLE", arguments.bundle, "name a bundle that make bundle ARTIFACTS=upstream made"),
            ("FILES", arguments.files, "name the folder that your web server serves"),
            ("REGISTRY", arguments.registry, "name a registry, e.g. registry.example.no/k8s"),
        )
        if not value
    ]
    if arguments.files and Path(arguments.files).exists() and not Path(arguments.files).is_dir():
        problems.append(f"FILES: {arguments.files} is no folder; name one")
    if arguments.ca_file and not os.access(arguments.ca_file, os.R_OK):
        problems.append(f"CA_FILE: {arguments.ca_file} cannot be read; correct the path")
    if login and not all(login.partition(":")):
        problems.append(f"{LOGIN}: is not user:password; correct it")
    place = None
    if arguments.registry:
        try:
            place = entered(arguments.registry, login, arguments.ca_file or None)
        except FjordkubeError as error:
            problems.append(str(error))
    if problems or place is None:
        raise FjordkubeError(listed(problems, "with what make mirror was given"))
    say(f"reading {arguments.bundle}")
    found = mirror.read(Path(arguments.bundle))
    moved = mirror.fill(found, Path(arguments.files), place, say)
    say(f"the mirror has all of {arguments.bundle}: {moved / 1e6:.0f} MB written and sent")
    return 0


def entered(registry: str, login: str, ca_file: str | None) -> Place:
    """The registry of that text. FjordkubeError for what is none, and for http to anywhere but this computer."""
    plain = registry.startswith("http://")
    name = registry.removeprefix("http://").removeprefix("https://").rstrip("/")
    try:
        host, _, folder = TypeAdapter(Registry).validate_python(name).partition("/")
    except ValidationError:
        # not repeated: there may be a password in it
        raise FjordkubeError(
            "REGISTRY: is not host[:port][/folder], e.g. registry.example.no/k8s; a login goes into the environment "
            f"variable {LOGIN}"
        ) from None
    if plain and not _loopback(host.partition(":")[0]):
        raise FjordkubeError(f"REGISTRY: http to {host} could be read on its way; leave http:// out, for https")
    if plain and login:
        raise FjordkubeError(f"REGISTRY: http, and {LOGIN} is set; a login goes over https alone")
    return Place(host, folder, plain, login, ca_file)


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
