"""The real API server as a judge of objects: a server-side apply that is only a dry run, with unknown fields refused.

Owns the requests, each different object once. Calico's definitions are installed for real before, so that Calico's
objects meet the schemas of its CRDs.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterable
from urllib.parse import quote, urlsplit

from fjordkube.objects import Object
from tests.conformance.api_server import ApiServer

DRY = "?fieldManager=generated&force=true&fieldValidation=Strict&dryRun=All"
DISCOVERY_SECONDS = 60
"""Until the API serves a kind whose definition it has just been given; usually a second."""

REAL = "?fieldManager=generated&force=true&fieldValidation=Strict"


class Judge:
    """One connection to an API server."""

    def __init__(self, api: ApiServer) -> None:
        self.api = api
        self.connection = http.client.HTTPSConnection(urlsplit(api.url).netloc, context=api.context, timeout=60)
        self.resources: dict[str, dict[str, tuple[str, bool]]] = {}

    def apply(self, body: Object, query: str = DRY) -> str:
        """What the API says against the object; empty where it takes it."""
        headers = {"Content-Type": "application/apply-patch+yaml"}
        self.connection.request("PATCH", self._path(body) + query, json.dumps(body), headers)
        answer = self.connection.getresponse()
        text = answer.read().decode()
        return "" if answer.status in (200, 201) else str(json.loads(text).get("message", text))

    def refused(self, objects: Iterable[Object], query: str = DRY) -> list[str]:
        """Kind, name and what the API says, of each object that it does not take."""
        different = {json.dumps(body, sort_keys=True): body for body in objects}
        told = ((body, self.apply(body, query)) for body in different.values())
        return [f"{body['kind']} {body['metadata']['name']}: {text}" for body, text in told if text]

    def _path(self, body: Object) -> str:
        version, metadata = body["apiVersion"], body["metadata"]
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        end = time.monotonic() + DISCOVERY_SECONDS
        while body["kind"] not in self.resources.get(version, {}) and time.monotonic() < end:
            found = (self.api.get(root) or {"resources": []})["resources"]
            self.resources[version] = {r["kind"]: (r["name"], r["namespaced"]) for r in found if "/" not in r["name"]}
            time.sleep(0.1)
        plural, namespaced = self.resources[version][body["kind"]]
        place = f"/namespaces/{metadata['namespace']}" if namespaced else ""
        return f"{root}{place}/{plural}/{quote(metadata['name'])}"
