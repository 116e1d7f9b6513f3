"""A resource as a rule sees it, and the bridge from Pulumi's policy SDK to it.

Owns which stacks are production. Leaves judging to the rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final

from pulumi_policy import (
    EnforcementLevel,
    PolicyConfigSchema,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
)
from pulumi_policy.proxy import UnknownValueError

PRODUCTION: Final = ("prod", "production")
"""Names of production stacks, unless the pack's configuration (`production`) has others; * and ? as in file names."""


@dataclass(frozen=True)
class Resource:
    """One resource that is about to be made or changed."""

    type: str
    """Type token, e.g. upcloud:index/server:Server."""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    """As the provider gets them, by their names in the protocol (camelCase)."""
    stack: str = "local"
    protected: bool = False
    """Whether the engine refuses to delete it (option `protect`)."""
    production: bool = False


Violations = Callable[[Resource], Iterator[str]]
"""A rule: lines `state; fix` about one resource, none when it holds."""


class Rule(ResourceValidationPolicy):
    """A rule as a policy of the pack."""

    def __init__(
        self,
        name: str,
        description: str,
        types: Iterable[str],
        violations: Violations,
        level: EnforcementLevel = EnforcementLevel.MANDATORY,
    ) -> None:
        """`description` says what must hold, in one sentence; `types` are those that the rule looks at."""
        self.types: Final = frozenset(types)

        def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
            if args.resource_type in self.types:
                for line in violations(seen(args)):
                    report(line, None)

        production = {"type": "array", "items": {"type": "string"}, "default": list(PRODUCTION)}
        super().__init__(
            name=name,
            description=description,
            validate=validate,
            enforcement_level=level,
            config_schema=PolicyConfigSchema(properties={"production": production}),
        )


def seen(args: ResourceValidationArgs) -> Resource:
    """What the SDK hands over, as a rule wants it."""
    stack = stack_of(args.urn)
    return Resource(
        type=args.resource_type,
        inputs=args.props,
        stack=stack,
        protected=args.opts.protect,
        production=in_production(stack, args.get_config().get("production", PRODUCTION)),
    )


def given(inputs: Mapping[str, Any], key: str) -> bool:
    """Whether an input has a value, be it known yet or not."""
    try:
        return bool(inputs.get(key))
    except UnknownValueError:
        return True


def stack_of(urn: str) -> str:
    """e.g. prod of urn:pulumi:prod::fjordkube::upcloud:index/server:Server::nodes-cp1."""
    return urn.removeprefix("urn:pulumi:").partition("::")[0]


def in_production(stack: str, patterns: Sequence[str]) -> bool:
    """Whether a stack of that name is production."""
    return any(fnmatchcase(stack, pattern) for pattern in patterns)
