"""nginx's keys in a stack file: a closed table, because the controller ignores what it does not know."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter

from fjordkube.settings import NginxConfig, load
from fjordkube.settings.nginx_keys import RETIRED
from tests.unit.refusals import problems

NUMBERS = {
    key: schema
    for key, schema in (
        (key, next((s for s in entry.get("anyOf", [entry]) if s.get("type") == "integer"), None))
        for key, entry in NginxConfig.model_json_schema(by_alias=True)["properties"].items()
        if key != "worker-processes"
    )
    if schema and "minimum" in schema
}
"""Range by key of a number."""


def refusal(key: str, value: Any) -> str:
    """The one problem of a file with this key, without the field's name."""
    (line,) = problems({"ingress": {"config": {key: value}}})
    field = f"ingress.config.{key}: "
    assert line.startswith(field)
    return line.removeprefix(field)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("worker-connections", "is not a key of ingress-nginx; use max-worker-connections"),
        (
            "use-geoip",
            "is retired with GeoIP databases of version 1; use use-geoip2, or remove it: it is off by default",
        ),
        (
            "enable-vts-status",
            "is retired with the VTS module; use ingress.metrics: true (Prometheus metrics, on by default)",
        ),
        ("keepalive-timeout", "is nginx's directive, not the controller's key; use keep-alive"),
        ("jaeger-collector-host", "is retired (v1.10 removed OpenTracing); remove it; tracing is not offered here yet"),
        (
            "global-rate-limit-memcached-host",
            "is retired (v1.12 removed it); limit with nginx.ingress.kubernetes.io/limit-rps on the Ingress",
        ),
        (
            "server-snippet",
            "takes raw nginx text, which is not accepted; use the typed keys, or ask for one that is missing",
        ),
    ],
)
def test_dead_key_is_refused_with_what_took_its_place(key: str, message: str) -> None:
    assert refusal(key, "1") == message
    assert refusal(key.replace("-", "_").upper(), "1") == message


def test_what_is_offered_for_a_retired_key_is_a_key() -> None:
    valid = {field.alias for field in NginxConfig.model_fields.values()}
    for key, (_, fix) in RETIRED.items():
        assert key not in valid
        name = fix.removeprefix("use ").split(",")[0].split(" ")[0].rstrip(":")
        assert name in valid | {"ingress.metrics", "nginx.ingress.kubernetes.io/affinity", "readiness"}, fix


@pytest.mark.parametrize(
    ("key", "near"),
    [
        ("max-worker-conections", "max-worker-connections"),
        ("keep_alive", "keep-alive"),
        ("keepAliveRequests", "keep-alive-requests"),
        ("worker_processes", "worker-processes"),
        ("upstream-keepalive-connection", "upstream-keepalive-connections"),
        ("proxy-body-sizes", "proxy-body-size"),
    ],
)
def test_unknown_key_is_refused_with_the_nearest_one(key: str, near: str) -> None:
    assert refusal(key, 1) == f"is not a known key; use {near}"


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("keep-alive", "65", "is a number in quotes, which is text; write a whole number without quotes"),
        ("keep-alive", 65.5, "is a fraction; write a whole number"),
        ("keep-alive", True, "is the boolean true; write a whole number"),
        ("keep-alive", [65], "is a list; write a whole number"),
        ("use-http2", "yes", 'is the text "yes", not a boolean; write true or false, without quotes'),
        ("use-http2", 1, "is a number; write true or false, without quotes"),
        ("proxy-buffering", True, 'is read by YAML as true; write "on", in quotes'),
        ("proxy-request-buffering", False, 'is read by YAML as false; write "off", in quotes'),
        ("worker-processes", "4", "is a number in quotes; write 4 without quotes"),
        (
            "worker-processes",
            "many",
            "is not a number of processes; write auto (one per CPU) or a whole number from 1 to 512",
        ),
        ("proxy-body-size", 8, "is a number; write text in quotes"),
        ("http-redirect-code", "308", "is 308 in quotes; write 308 without quotes"),
    ],
)
def test_value_of_the_wrong_type_is_refused(key: str, value: Any, message: str) -> None:
    assert refusal(key, value) == message


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("worker-processes", 0, "0 is out of range; write auto (one per CPU) or a whole number from 1 to 512"),
        ("worker-processes", 513, "513 is out of range; write auto (one per CPU) or a whole number from 1 to 512"),
        ("proxy-body-size", "8mb", "8mb is not an nginx size; write one such as 8k or 1m"),
        ("worker-shutdown-timeout", "4min", "4min is not an nginx time; write one such as 240s, 10m or 1h"),
        ("ssl-protocols", "SSLv3", "SSLv3 is not one of the values; use TLSv1.2 TLSv1.3, TLSv1.3 or TLSv1.2"),
        ("http-redirect-code", 303, "303 is not one of the values; use 301, 302, 307 or 308"),
        ("http-redirect-code", 10**30, "is too large; use a smaller number"),
        (
            "large-client-header-buffers",
            "4x8k",
            "is not a number and a size; write them with one blank between, e.g. 4 8k",
        ),
    ],
)
def test_value_out_of_range_is_refused(key: str, value: Any, message: str) -> None:
    assert refusal(key, value) == message


@pytest.mark.parametrize("key", NUMBERS)
def test_number_is_accepted_to_the_ends_of_its_range_and_refused_beyond(key: str) -> None:
    least, most = NUMBERS[key]["minimum"], NUMBERS[key].get("maximum")
    assert refusal(key, least - 1) == f"{least - 1} is too small; use {least} or more"
    accepted = [least] if most is None else [least, most]
    for value in accepted:
        # the two limits of a worker are tied together
        together = {"max-worker-open-files": 0, key: value} if key == "max-worker-connections" else {key: value}
        assert problems({"ingress": {"config": together}}) == []
    if most is not None:
        assert refusal(key, most + 1) == f"{most + 1} is too large; use {most} or less"


def test_fewer_open_files_than_connections_are_refused() -> None:
    assert refusal("max-worker-open-files", 10239) == (
        "10239 open files are fewer than max-worker-connections 10240, each of which is one; "
        "use 20480 (a client and an upstream each), or remove it"
    )
    assert problems({"ingress": {"config": {"max-worker-open-files": 10240}}}) == []


def test_item_of_a_list_is_told_by_its_place() -> None:
    assert problems({"ingress": {"config": {"block-cidrs": ["10.0.0.0/8", "1.2.3.4"]}}}) == [
        "ingress.config.block-cidrs[1.2.3.4]: 1.2.3.4 is an address without a prefix length; "
        "write 1.2.3.4/32 for it alone, or a network"
    ]
    assert problems({"ingress": {"config": {"custom-http-errors": [404, 200]}}}) == [
        "ingress.config.custom-http-errors[1]: 200 is too small; use 300 or more"
    ]


def test_config_map_of_the_default_is_the_articles_tuning_in_todays_names() -> None:
    assert load({}).ingress.config.config_map() == {
        "worker-processes": "auto",
        "max-worker-connections": "10240",
        "worker-shutdown-timeout": "240s",
        "reuse-port": "true",
        "keep-alive": "65",
        "upstream-keepalive-connections": "100",
        "upstream-keepalive-requests": "10000",
        "upstream-keepalive-timeout": "60",
        "use-geoip2": "false",
        "allow-snippet-annotations": "false",
    }


def test_config_map_holds_text_alone() -> None:
    values: dict[str, Any] = {"custom-http-errors": [404, 503], "use-gzip": True, "gzip-level": 5, "keep-alive": 0}
    written = load({"ingress": {"config": values}}).ingress.config.config_map()
    assert written["custom-http-errors"] == "404,503"
    assert written["use-gzip"] == "true"
    assert written["gzip-level"] == "5"
    assert written["keep-alive"] == "0"
    assert TypeAdapter(dict[str, str]).validate_python(written, strict=True) == written
