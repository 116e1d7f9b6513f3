"""The parent of every settings class: frozen, closed, and silent about rejected values.

Owns the pydantic configuration they share. Leaves the wording of errors to `explanation.py`.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator


class Settings(BaseModel):
    """A section of a stack file. Unknown keys are errors; a section left empty has its defaults."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )

    @model_validator(mode="before")
    @classmethod
    def _empty_means_defaults(cls, value: Any) -> Any:
        # `ingress:` with every line below it commented out is null in YAML
        return {} if value is None else value


def with_default_tag(key: str, default: str) -> Any:
    """A before-validator for a discriminated union: a mapping that does not name its variant means `default`."""

    def insert(value: Any) -> Any:
        if value is None:
            return {key: default}
        if isinstance(value, dict) and key not in value:
            return {key: default, **value}
        return value

    return insert
