"""References of images and what the offline build makes are one list."""

from __future__ import annotations

from fjordkube.images import built
from offline import manifest


def test_the_references_are_the_images_that_are_built() -> None:
    sources = manifest.load()
    found = built(sources.versions["kubernetes"], sources.versions["calico"])
    assert dict(found.references) == {image.key: image.name for image in sources.images}
