"""The JSON Schema of a Pulumi.<stack>.yaml file, for editors.

    python -m fjordkube.settings.schema           print it
    python -m fjordkube.settings.schema --write   update stacks/stack.schema.json

Owns the shape of the file around the settings (`config: fjordkube:stack:`). Leaves the settings to the models: what
cannot be said in a schema (contradictions between fields) is found by `load` alone.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

from fjordkube.settings.stack import Stack

FILE = Path(__file__).resolve().parents[2] / "stacks" / "stack.schema.json"
"""The checked-in copy that stack files name."""


def schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a whole stack file."""
    model = Stack.model_json_schema(by_alias=True, mode="validation")
    definitions = _relaxed(model.pop("$defs"))
    definitions["Stack"] = _relaxed(model)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A fjordkube stack file",
        "description": "Pulumi's configuration of one environment; fjordkube's is the object under fjordkube:stack.",
        "type": "object",
        "properties": {
            "config": {
                "type": ["object", "null"],
                "properties": {"fjordkube:stack": {"$ref": "#/$defs/Stack"}},
                # other programs' and providers' configuration lives beside ours
                "additionalProperties": True,
            }
        },
        "additionalProperties": True,
        "$defs": definitions,
    }


def _relaxed(node: Any) -> Any:
    """The schema with what `load` accepts beyond pydantic's own: variants without a tag, nodes that are only a name."""
    if isinstance(node, list):
        return [_relaxed(item) for item in node]
    if not isinstance(node, dict):
        return node
    # pydantic's titles repeat the keys
    dropped = {"discriminator"} | ({"title"} if isinstance(node.get("title"), str) else set())
    result = {key: _relaxed(value) for key, value in node.items() if key not in dropped}
    if isinstance(result.get("description"), str):
        result["description"] = " ".join(result["description"].split())
    # a section that does not name its variant fits several, which oneOf refuses
    if "discriminator" in node:
        result["anyOf"] = result.pop("oneOf")
    reference = node.get("items", {}).get("$ref", "") if isinstance(node.get("items"), dict) else ""
    if re.search(r"/\w+(ControlPlane|Worker)$", reference):
        result["items"] = {"anyOf": [{"type": "string", "description": "The node's name."}, {"$ref": reference}]}
    return result


def text() -> str:
    """The schema as the file has it."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> None:
    """Prints the schema or updates the file."""
    parser = argparse.ArgumentParser(prog="python -m fjordkube.settings.schema", description="JSON Schema of stacks")
    parser.add_argument("--write", action="store_true", help=f"update {FILE.name} in place of printing")
    if parser.parse_args(arguments).write:
        FILE.write_text(text())
    else:
        sys.stdout.write(text())


if __name__ == "__main__":
    main(sys.argv[1:])
