"""ingress-nginx's objects as YAML, and the tuned ConfigMap by itself."""

from __future__ import annotations

import pytest
import yaml

from fjordkube.ingress import admission
from fjordkube.ingress.controller import LABELS, front, objects
from fjordkube.ingress.tuning import tuning
from fjordkube.objects import manifest
from fjordkube.settings import IngressNginx, NginxConfig
from fjordkube.timing import TimingName
from tests.golden.golden import check

BUNDLE_IMAGE = "registry.example/ingress-nginx/controller:v1.11.0"


@pytest.mark.parametrize("timing", ["native", "emulated"])
def test_default_settings(timing: TimingName) -> None:
    settings = IngressNginx(controller="nginx")
    place = front(settings, BUNDLE_IMAGE, "192.168.77.11", 6443)
    check(f"ingress-{timing}.yaml", manifest(objects(settings, place, timing)))


def test_admission() -> None:
    found = [
        admission.certificate_secret("Q0VSVA==", "S0VZ"),
        admission.service(LABELS),
        admission.registration("Q0VSVA==", "native"),
    ]
    check("ingress-admission.yaml", manifest(found))


def test_tuning_of_the_article_in_todays_names() -> None:
    check("ingress-tuning.yaml", str(yaml.safe_dump(tuning(NginxConfig()), sort_keys=False)))
