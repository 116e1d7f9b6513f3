"""A collection of the API as it is now: listed once, then kept up to date by what the API tells of it.

Owns a thread and, while it runs, the connection. To be told costs the API two requests a minute and a line for each
change; to ask every few seconds costs it an answer each time, and a starved one takes seconds for that.
"""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Any

from .api import RETRY_PAUSE, Api
from .errors import HelperError

LIFE_SECONDS = 60
"""After so long a watch ends and the collection is listed anew: that finds a connection that died without a word."""

CHANGES = ("ADDED", "MODIFIED", "DELETED")


class Watched:
    """Follows one collection from the first look at it on, until it is closed."""

    def __init__(self, api: Api, path: str) -> None:
        """`path` of the collection, with its query; `api` serves nobody else while this is open."""
        self._api, self._path = api, path
        self._items: dict[str, dict[str, Any]] = {}
        self._wrong: Exception | None = None
        self._asked, self._news, self._end = threading.Event(), threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Watched:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Ends it; the `api` may be used for something else again."""
        self._end.set()
        while self._thread and self._thread.is_alive():
            self._api.abort()
            self._thread.join(0.2)

    def items(self) -> list[dict[str, Any]]:
        """What there is now. OSError: the API does not answer. HelperError: waiting does not help."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._follow, daemon=True)
            self._thread.start()
        self._asked.wait()
        if self._wrong:
            raise self._wrong
        return list(self._items.values())

    def rest(self, seconds: float) -> None:
        """Until there is news, at most `seconds`."""
        self._news.wait(seconds)
        self._news.clear()

    def _follow(self) -> None:
        while not self._end.is_set():
            begun = time.monotonic()
            try:
                self._list_and_watch()
            except OSError as error:
                self._tell(error)
            except HelperError as error:
                self._tell(error)
                return
            self._end.wait(max(0.0, begun + RETRY_PAUSE - time.monotonic()))

    def _list_and_watch(self) -> None:
        listed = self._api.get(self._path) or {}
        self._items = {item["metadata"]["name"]: item for item in listed.get("items") or []}
        self._tell(None)
        version = (listed.get("metadata") or {}).get("resourceVersion", "")
        for event in self._api.watch(self._path, version, LIFE_SECONDS):
            if event.get("type") not in CHANGES or self._end.is_set():
                return  # an error, e.g. the version is too old by now, or half a line: it is listed anew
            name, items = event["object"]["metadata"]["name"], dict(self._items)
            items.pop(name, None)
            if event["type"] != "DELETED":
                items[name] = event["object"]
            self._items = items
            self._tell(None)

    def _tell(self, wrong: Exception | None) -> None:
        self._wrong = wrong
        self._asked.set()
        self._news.set()
