"""Tuning, image, place and drain of ingress-nginx."""

from __future__ import annotations

import pytest

from fjordkube.ingress import admission
from fjordkube.ingress.controller import GROUP, USER, arguments, daemon_set, front, objects, surroundings
from fjordkube.ingress.tuning import grace_seconds, seconds, tuning
from fjordkube.settings import IngressNginx, NginxConfig
from fjordkube.timing import TimingName
from offline import recipes

NGINX = IngressNginx(controller="nginx")


def config(**values: object) -> NginxConfig:
    return NginxConfig.model_validate({key.replace("_", "-"): value for key, value in values.items()})


def test_tuning_carries_the_articles_values_under_todays_keys() -> None:
    found = tuning(NginxConfig())
    assert found["worker-processes"] == "auto"
    assert found["max-worker-connections"] == "10240"
    assert found["keep-alive"] == "65"
    assert found["upstream-keepalive-connections"] == "100"
    assert found["use-geoip2"] == "false"
    assert found["allow-snippet-annotations"] == "false"
    assert not {"worker-connections", "use-geoip", "enable-vts-status"} & set(found)


def test_tuning_is_all_strings_in_a_stable_order() -> None:
    found = tuning(config(keep_alive=75, worker_processes=4, reuse_port=False, custom_http_errors=[404, 503]))
    assert found["custom-http-errors"] == "404,503"
    assert all(isinstance(value, str) for value in found.values())
    assert list(found) == sorted(found)
    assert (found["keep-alive"], found["worker-processes"], found["reuse-port"]) == ("75", "4", "false")


def test_a_changed_value_changes_the_config_map_alone() -> None:
    place = front(NGINX, "image", "192.168.77.11", 6443)
    before = objects(NGINX, place, "native")
    after = objects(IngressNginx(controller="nginx", config=config(keep_alive=75)), place, "native")
    changed = [new["kind"] for old, new in zip(before, after, strict=True) if old != new]
    assert changed == ["ConfigMap"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("240s", 240), ("5m", 300), ("1h 30m", 5400), ("90", 90), ("1d", 86400), ("1500ms", 2), ("0s", 0)],
)
def test_times_as_nginx_writes_them(text: str, expected: int) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["4 minutes", "5d!", "-1s", "1.5m"])
def test_what_is_no_time_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="not a time"):
        seconds(text)


def test_a_pod_may_take_as_long_as_its_drain() -> None:
    assert grace_seconds(NginxConfig()) == 300
    assert grace_seconds(config(worker_shutdown_timeout="600s")) == 660


def test_a_digest_pins_the_image() -> None:
    settings = IngressNginx(controller="nginx", digest="sha256:" + "a" * 64)
    assert front(settings, "registry.example/c:1", "h", 6443).image == "registry.example/c:1@sha256:" + "a" * 64


def test_the_image_may_be_another() -> None:
    settings = IngressNginx(controller="nginx", image="registry.example/fork:2")
    assert front(settings, "registry.example/c:1", "h", 6443).image == "registry.example/fork:2"


def test_the_image_that_is_built_here_belongs_to_the_same_user_as_the_projects() -> None:
    assert recipes.WEB == (USER, GROUP)


def test_no_disruption_budget_is_of_a_daemon_set() -> None:
    """It would stop every eviction: the disruption controller finds no scale subresource."""
    made = objects(NGINX, front(NGINX, "registry.example/c:1", "h", 6443), "native")
    assert "DaemonSet" in {body["kind"] for body in made}
    assert "PodDisruptionBudget" not in {body["kind"] for body in made}


def test_control_planes_take_no_traffic() -> None:
    place = front(NGINX, "image", "h", 6443)
    assert "tolerations" not in daemon_set(NGINX, place, "native")["spec"]["template"]["spec"]


def test_the_controller_asks_the_api_itself_not_the_service_address() -> None:
    place = front(NGINX, "image", "192.168.77.11", 6443)
    (container,) = daemon_set(NGINX, place, "native")["spec"]["template"]["spec"]["containers"]
    environment = {entry["name"]: entry.get("value") for entry in container["env"]}
    assert environment["KUBERNETES_SERVICE_HOST"] == "192.168.77.11"
    assert environment["KUBERNETES_SERVICE_PORT"] == "6443"


def test_metrics_off_means_no_service_and_no_collector() -> None:
    settings = IngressNginx(controller="nginx", metrics=False)
    assert "--enable-metrics=false" in arguments(settings)
    assert "Service" not in {body["kind"] for body in surroundings(settings)}


def test_host_ports_follow_the_settings() -> None:
    settings = IngressNginx(controller="nginx", http_port=8080, https_port=8443 + 1000)
    place = front(settings, "image", "h", 6443)
    (container,) = daemon_set(settings, place, "native")["spec"]["template"]["spec"]["containers"]
    assert {port["name"]: port["hostPort"] for port in container["ports"]}["http"] == 8080
    assert "--http-port=8080" in arguments(settings)


@pytest.mark.parametrize("timing", ["native", "emulated"])
def test_a_broken_ingress_is_refused_at_every_pace(timing: TimingName) -> None:
    (hook,) = admission.registration("QQ==", timing)["webhooks"]
    assert hook["failurePolicy"] == "Fail"
    assert 1 <= hook["timeoutSeconds"] <= 30


def test_the_key_never_lies_in_a_file() -> None:
    command = admission.openssl()
    assert "-keyout - -out -" in command
    assert ">" not in command.replace("2>/dev/null", "")


def test_missing_pem_says_what_to_check() -> None:
    with pytest.raises(ValueError, match="openssl gave no CERTIFICATE"):
        admission.pem("CERTIFICATE", "nothing")
