"""Where zones are and what a stack's residency allows; places are judged wherever a file names them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

import pytest
from pydantic import Field

from fjordkube.providers.catalog import PROVIDERS, norwegian
from fjordkube.providers.codes import COUNTRIES, EEA, REGIONS
from fjordkube.settings import AnyNodes, LocalNodes, NodeSettings, load
from fjordkube.settings.consistency.places import everything_is_where_residency_allows as check
from fjordkube.settings.data import Data
from fjordkube.settings.residency import Residency, refused
from tests.unit.refusals import at, problems

EVERYWHERE: Sequence[Residency] = get_args(Residency)


def said(provider: str, zone: str, residency: Residency = "norway") -> str:
    found = refused(provider, zone, residency)
    return f"{found.state}; {found.fix}" if found else ""


@pytest.mark.parametrize("residency", EVERYWHERE)
@pytest.mark.parametrize(
    ("provider", "zone"),
    [
        ("upcloud", "no-svg1"),
        ("nrec", "osl"),
        ("nrec", "bgo"),
        ("safespring", "osl2"),
        ("existing", "no-osl1"),
        ("vendor_cli", "no-stavanger"),
        ("data", "norwayeast"),
        ("data", "norwaywest"),
    ],
)
def test_norwegian_zones_are_always_allowed(provider: str, zone: str, residency: Residency) -> None:
    assert said(provider, zone, residency) == ""


@pytest.mark.parametrize(
    ("provider", "zone", "message"),
    [
        ("upcloud", "fi-hel1", "fi-hel1 is in Helsinki (FI), not in Norway; use no-svg1, or say residency: eea"),
        ("upcloud", "uk-lon1", "uk-lon1 is in London (GB), not in Norway; use no-svg1, or say residency: any"),
        ("safespring", "sto1", "sto1 is in Stockholm (SE), not in Norway; use osl2 or osl1, or say residency: eea"),
        (
            "existing",
            "se-sto1",
            "se-sto1 is in SE, not in Norway; use a Norwegian place, e.g. no-osl1, or say residency: eea",
        ),
        (
            "data",
            "eu-north-1",
            "eu-north-1 is in Stockholm (SE), not in Norway; use a Norwegian place, e.g. no-osl1, or say "
            "residency: eea",
        ),
    ],
)
def test_a_foreign_zone_is_refused_with_the_norwegian_ones(provider: str, zone: str, message: str) -> None:
    assert said(provider, zone) == message


def test_a_misspelt_zone_is_answered_with_the_nearest() -> None:
    assert said("upcloud", "no-svq1") == "no-svq1 is not a zone of UpCloud; use no-svg1"
    assert said("upcloud", "fi-hell", "eea").startswith("fi-hell is not a zone of UpCloud; use fi-hel")
    assert said("nrec", "trd") == "trd is not a zone of NREC; use osl or bgo"


def test_the_nearest_zone_offered_is_one_that_residency_allows() -> None:
    assert said("upcloud", "se-sto2", "norway").endswith("; use no-svg1")
    assert said("upcloud", "se-sto2", "eea").endswith("; use se-sto1")
    for residency in EVERYWHERE:
        for provider in PROVIDERS:
            found = refused(provider, "nowhere", residency)
            assert found
            for offered in found.fix.removeprefix("use ").replace(" or ", ", ").split(", "):
                assert said(provider, offered, residency) == ""


@pytest.mark.parametrize("zone", ["osl1", "norway-osl1", "xx-osl1", "no-", "NO-OSL1", "eu-moon-1"])
def test_a_code_without_a_country_is_refused_whatever_residency_says(zone: str) -> None:
    for residency in EVERYWHERE:
        assert "no-osl1" in said("existing", zone, residency)


@pytest.mark.parametrize("zone", ["no-svg2", "NO-SVG1", " no-svg1", "svg1", ""])
def test_a_zone_that_the_provider_does_not_have_is_refused_whatever_residency_says(zone: str) -> None:
    for residency in EVERYWHERE:
        assert "is not a zone of UpCloud" in said("upcloud", zone, residency)


def test_eea_ends_at_its_border() -> None:
    for zone in ("is-rey1", "li-vaduz", "de-fra1", "fi-hel1"):
        assert said("existing", zone, "eea") == ""
    for zone in ("ch-zrh1", "uk-lon1", "gb-lon1", "us-nyc1"):
        assert "not in the EEA" in said("existing", zone, "eea")
        assert said("existing", zone, "any") == ""


def test_every_place_of_the_tables_is_in_a_country_and_every_provider_has_a_norwegian_zone() -> None:
    places = [*REGIONS.values(), *(place for provider in PROVIDERS.values() for place in provider.zones.values())]
    assert {place.country for place in places} <= COUNTRIES
    assert len(EEA) == 30
    assert EEA <= COUNTRIES
    for provider in PROVIDERS:
        assert said(provider, norwegian(provider)[0]) == ""


# --- In a file -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spelt", "message"),
    [
        (" NO-SVG1", "has blanks around it and capitals; write no-svg1"),
        ("no-svg1 ", "has blanks around it; write no-svg1"),
        ("No-Svg1", "has capitals; write no-svg1"),
        ("no_svg1", "has _; write no-svg1"),
        ("no svg1", "the value is not a zone; write one in lower case, e.g. no-svg1"),
        ("", "the value is not a zone; write one in lower case, e.g. no-svg1"),
    ],
)
def test_a_zone_has_one_spelling(spelt: str, message: str) -> None:
    raw = at("data.state.location", spelt)
    assert problems(raw) == [f"data.state.location: {message}"]
    assert problems({**raw, "residency": "any"}) == [f"data.state.location: {message}"]


def test_everything_foreign_in_a_file_is_told_at_once() -> None:
    raw = {
        "data": {
            "state": {"location": "eu-north-1"},
            "etcd_backup": {"location": "northeurope"},
            "images": {"location": "no-osl1"},
        }
    }
    found = problems(raw)
    assert [line.partition(":")[0] for line in found] == ["data.state.location", "data.etcd_backup.location"]
    assert "Stockholm (SE)" in found[0]
    assert "Dublin (IE)" in found[1]
    assert problems({**raw, "residency": "eea"}) == []


def test_a_refused_residency_leaves_places_unjudged() -> None:
    raw = {"residency": "europe", "data": {"state": {"location": "eu-north-1"}}}
    assert problems(raw) == ["residency: europe is not one of the values; use norway, eea or any"]


@pytest.mark.parametrize("url", ["https://me:pass@state.example.no", "s3://key@bucket/x", "", "s3://a b"])
def test_a_login_or_a_blank_in_an_address_is_refused_and_not_repeated(url: str) -> None:
    (line,) = problems(at("data.state.url", url))
    assert line.startswith("data.state.url: ")
    assert "pass" not in line.replace("password", "")


def test_norway_is_the_default_and_local_machines_name_no_zone() -> None:
    assert load({}).residency == "norway"
    assert list(LocalNodes().zones()) == []


def made_by(source: str, zone: str, residency: str = "norway", **fields: Any) -> list[str]:
    """What is said about places in a stack of that source."""
    nodes = {"source": source, "zone": zone, **fields}
    raw = {"residency": residency, "nodes": nodes, "firewall": {"admin_cidrs": ["203.0.113.0/24"]}}
    return [line for line in problems(raw) if line.startswith(("nodes.zone", "residency"))]


@pytest.mark.parametrize(
    ("zone", "message"),
    [
        ("fi-hel1", "fi-hel1 is in Helsinki (FI), not in Norway; use no-svg1, or say residency: eea"),
        ("no-svq1", "no-svq1 is not a zone of UpCloud; use no-svg1"),
        (" NO-SVG1", "has blanks around it and capitals; write no-svg1"),
        ("us-nyc1", "us-nyc1 is in New York (US), not in Norway; use no-svg1, or say residency: any"),
    ],
)
def test_upclouds_zone_is_judged_as_the_file_is_read(zone: str, message: str) -> None:
    assert made_by("upcloud", zone) == [f"nodes.zone: {message}"]
    assert made_by("upcloud", "no-svg1") == []
    assert made_by("upcloud", "fi-hel1", "eea") == []


def test_zones_of_other_sources_are_judged_by_their_own_tables() -> None:
    assert made_by("openstack", "osl2", cloud="safespring") == []
    assert "Stockholm (SE)" in made_by("openstack", "sto1", cloud="safespring")[0]
    assert made_by("openstack", "osl2", cloud="nrec") == ["nodes.zone: osl2 is not a zone of NREC; use osl"]
    assert "no-osl1" in made_by("openstack", "osl2", cloud="other")[0]
    for source in ("existing", "vendor_cli"):
        assert made_by(source, "no-osl1") == []
        assert "is in SE, not in Norway" in made_by(source, "se-sto1")[0]
        assert "country-dash-place" in made_by(source, "oslo", "any")[0]


# --- Any source ------------------------------------------------------------------------------------------------------


class Placed(NodeSettings):
    zone: str | None = None


class Elsewhere(AnyNodes):
    source: str = "elsewhere"
    cloud: str = "other"
    private_cidr: str = "10.1.0.0/24"
    zone: str | None = None
    control_planes: list[Placed] = Field(default_factory=list)
    workers: list[Placed] = Field(default_factory=list)


def judged(nodes: Elsewhere, residency: Residency = "norway") -> list[tuple[Any, str]]:
    return [(finding.fields, finding.state) for finding in check(residency, nodes, Data())]


def test_zones_of_a_source_are_found_wherever_it_has_them() -> None:
    workers = [Placed(name="w1", zone="se-sto1"), Placed(name="w2"), Placed(name="w3", zone="no-osl1")]
    nodes = Elsewhere(zone="no-osl2", control_planes=[Placed(name="cp1", zone="dk-cph1")], workers=workers)
    assert list(nodes.zones()) == [
        (("zone",), "elsewhere", "no-osl2"),
        (("control_planes", 0, "zone"), "elsewhere", "dk-cph1"),
        (("workers", 0, "zone"), "elsewhere", "se-sto1"),
        (("workers", 2, "zone"), "elsewhere", "no-osl1"),
    ]
    assert [fields[0] for fields, _ in judged(nodes)] == [
        ("nodes", "control_planes", 0, "zone"),
        ("nodes", "workers", 0, "zone"),
    ]
    assert judged(nodes, "eea") == []


def test_a_cloud_with_a_table_is_the_provider() -> None:
    assert judged(Elsewhere(cloud="nrec", zone="osl")) == []
    ((fields, state),) = judged(Elsewhere(cloud="safespring", zone="sto2"))
    assert fields == (("nodes", "zone"), ("residency",))
    assert "Stockholm" in state
    ((fields, state),) = judged(Elsewhere(cloud="nrec", zone="sto2"))
    assert fields == (("nodes", "zone"),)
    assert state == "sto2 is not a zone of NREC"
