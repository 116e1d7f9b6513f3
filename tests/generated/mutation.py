"""Mutations of a stack file's text: pieces of YAML's own, of other encodings and of nothing at all."""

from __future__ import annotations

import random

PIECES = [
    *(
        "&a ",
        "*a",
        "!!int ",
        "!",
        "? ",
        "- ",
        ": ",
        "{",
        "}",
        "[",
        "]",
        "'",
        '"',
        "\n",
        "\t",
        "    ",
        "#",
        "|\n",
        ">\n",
    ),
    *(
        "<<: ",
        "=",
        "~",
        "on",
        "0443",
        "2:15",
        "2024-99-99",
        "9" * 5000,
        ".nan",
        "1e999",
        "-.inf",
        "%YAML 9.9\n",
        "---\n",
    ),
    *(
        "...\n",
        "\\",
        '"\\UFFFFFFFF"',
        '"\\ud800"',
        "\x00",
        "\x85",
        "\u2028",
        "４",
        "ﬀ",
        "\ufeff",
        "config:",
        "nodes:",
        "@",
        "`",
    ),
    *(
        "[" * 400,
        "{a: " * 400,
        "0" * 30,
        "10.0.0.0/0",
        "255.255.255.255",
        "a" * 300,
        "!!python/name:os.system ",
        "\udcff",
    ),
]


def mutated(text: str, chance: random.Random) -> bytes:
    """The file with one to four pieces of it replaced."""
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(len(text) + 1)
        end = min(len(text), start + chance.choice([0, 0, 1, 3, 20]))
        lines = text.splitlines(keepends=True)
        again = chance.choice(lines) if lines else ""
        text = text[:start] + chance.choice([*PIECES, again, again, text[start:end] * 2]) + text[end:]
    data = text.encode("utf-8", "surrogateescape")
    if chance.random() < 0.1:
        data = data.replace(b"a", bytes([chance.randrange(256)]), 3)
    return data
