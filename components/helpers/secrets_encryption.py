"""Secrets encrypted by the key that the stack asks for, in a living cluster: no API server meets what it cannot read.

Owns the order: every control plane can read with a key before any writes with it, and Secrets are written anew when all
write with it. Leaves the file on a node, and how one is made where a cluster starts, to scripts/secrets-encryption.sh.
Keys pass through this process's memory alone.
"""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from . import ssh
from .api import Api
from .errors import HelperError
from .log import log

PAGE = 500
NAMES_ALONE = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
"""What a list of Secrets is asked for as: none of their contents is sent here."""


@dataclass(frozen=True)
class Keyring:
    """One control plane's EncryptionConfiguration."""

    keys: Mapping[str, str] = field(repr=False)
    """Secret by name; the first one writes, if any does."""
    encrypts: bool
    """Whether it writes with a key, or in the clear."""

    @staticmethod
    def read(text: str) -> Keyring:
        """Of the lines that this class, or secrets-encryption.sh, has written."""
        keys = dict(re.findall(r"^ *- name: (\S+)\n *secret: (\S+)$", text, re.MULTILINE))
        secretbox, identity = text.find("- secretbox:"), text.find("- identity:")
        return Keyring(keys, 0 <= secretbox < identity)

    def text(self) -> str:
        """The file; what does not write reads."""
        lines = [f"      - name: {name}\n        secret: {secret}\n" for name, secret in self.keys.items()]
        providers = ["  - secretbox:\n      keys:\n" + "".join(lines)] if lines else []
        providers.insert(len(providers) if self.encrypts else 0, "  - identity: {}\n")
        head = "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n"
        return f"{head}- resources: [secrets]\n  providers:\n{''.join(providers)}"

    def able(self, keys: Mapping[str, str]) -> Keyring:
        """This one, and it reads with all of the keys."""
        return Keyring({**self.keys, **keys}, self.encrypts)

    def writing(self, name: str | None) -> Keyring:
        """This one, and it writes with the key of that name, or in the clear."""
        if name is None:
            return Keyring(self.keys, False)
        return Keyring({name: self.keys[name], **self.keys}, True)


def encrypt(env: Mapping[str, str], folder: Path) -> dict[str, Any]:
    """Until each control plane writes with key FJORDKUBE_SECRETS_KEY (0: in the clear), and so is every Secret."""
    number = int(env["FJORDKUBE_SECRETS_KEY"])
    wanted = f"key{number}" if number else None
    script = env["FJORDKUBE_SCRIPT"]
    commands = {access.name: access.command(folder) for _, access in ssh.listed(env["FJORDKUBE_NODES"])}

    def ask(name: str, **values: str) -> dict[str, Any]:
        return ssh.run(commands[name], script, values, name)

    def each(does: Callable[[str], Any]) -> dict[str, Any]:
        with ThreadPoolExecutor(max_workers=len(commands)) as pool:
            return dict(zip(commands, pool.map(does, commands), strict=True))

    def write(step: Mapping[str, Keyring], name: str) -> None:
        ask(name, ACTION="write", ENCRYPTION=_encoded(step[name].text()))

    texts = each(lambda name: _decoded(name, ask(name, ACTION="show")))
    rings = {name: Keyring.read(text) for name, text in texts.items()}
    keys = union(rings)
    if wanted is None and not keys:
        return {"key": 0, "rewritten": 0}
    if wanted and wanted not in keys:
        log(f"a new key of Secrets: {wanted}")
        keys[wanted] = base64.b64encode(secrets.token_bytes(32)).decode()

    able = {name: ring.able(keys) for name, ring in rings.items()}
    writing = {name: ring.writing(wanted) for name, ring in able.items()}
    # a lone API server writes nothing that another could not read
    for step in [able, writing] if len(commands) > 1 else [writing]:
        # also where the file is so already: a run before may have been cut off before it was read
        each(partial(write, step))
    count = write_anew(Api(env["FJORDKUBE_KUBECONFIG"], folder))
    log(f"{count} Secrets are written {f'with {wanted}' if wanted else 'in the clear'}")
    return {"key": number, "rewritten": count}


def union(rings: Mapping[str, Keyring]) -> dict[str, str]:
    """Every key that any control plane has. HelperError where two have different ones of a name."""
    keys: dict[str, str] = {}
    for name, ring in rings.items():
        for key, secret in ring.keys.items():
            if keys.setdefault(key, secret) != secret:
                raise HelperError(
                    f"{name}: its {key} of Secrets is another one than on the control planes before it; "
                    "in /etc/kubernetes/pki/secrets-encryption.yaml of each, give one of the keys another name"
                )
    return keys


def write_anew(api: Api) -> int:
    """Writes every Secret as it is: the API server then encrypts it as it does now. Their number."""
    count, more = 0, ""
    while True:
        code, page = api.request("GET", f"/api/v1/secrets?limit={PAGE}{more}", accept=NAMES_ALONE)
        if code != 200:
            raise HelperError(f"the API answers {code} when asked for the names of Secrets: {page.get('message', '')}")
        for item in page.get("items") or []:
            meta = item["metadata"]
            path = f"/api/v1/namespaces/{quote(meta['namespace'])}/secrets/{quote(meta['name'])}"
            code, answer = api.request("PATCH", path, {})
            if code not in (200, 404):  # 404: deleted since
                raise HelperError(f"the API answers {code} to writing {path} anew: {answer.get('message', '')}")
            count += code == 200
        token = page.get("metadata", {}).get("continue")
        if not token:
            return count
        more = f"&continue={quote(token)}"


def _decoded(name: str, answer: Mapping[str, Any]) -> str:
    text = base64.b64decode(answer.get("encryption") or "").decode()
    if not text:
        raise HelperError(f"{name}: it has no keys of Secrets; its membership makes them, so let 'up' run it first")
    return text


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
