"""A flat repository's index of Debian packages (`Packages`): its text read, and one paragraph written.

Owns the format (deb822(5)). Leaves which packages there are to `offline/`.
"""

from __future__ import annotations

from collections.abc import Mapping

NAME = "Packages"
"""The index' file name: apt reads it as `deb [trusted=yes] file:/folder ./`."""


def paragraphs(text: str) -> list[dict[str, str]]:
    """Fields by name, one mapping for each package. ValueError for a line that is no field."""
    found: list[dict[str, str]] = []
    fields: dict[str, str] = {}
    last = ""
    for line in [*text.splitlines(), ""]:
        if not line.strip():
            if fields:
                found.append(fields)
            fields, last = {}, ""
        elif line[0] in " \t" and last:
            fields[last] += f"\n{line}"
        else:
            name, colon, value = line.partition(":")
            if not colon:
                raise ValueError(f"{line!r}: no field")
            last = name
            fields[name] = value.strip()
    return found


def paragraph(control: str, file: str, size: int, sha256: str) -> str:
    """A package's entry: its control fields as `dpkg-deb --field` prints them, and where and what its file is."""
    return f"{control.strip()}\nFilename: ./{file}\nSize: {size}\nSHA256: {sha256}\n"


def place(entry: Mapping[str, str]) -> str:
    """The file of an entry, below the index' folder."""
    return entry.get("Filename", "").removeprefix("./")
