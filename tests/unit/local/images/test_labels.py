"""Labels of an image: kept as the Dockerfile says, and part of what the image is."""

from dataclasses import replace
from pathlib import Path

from local.images import ImageStore
from local.images.build import build

URI = "000000000000.dkr.ecr.us-east-1.amazonaws.com/labelled:1"


def test_labels_are_kept_with_the_image(tmp_path: Path) -> None:
    directory = tmp_path / "context"
    directory.mkdir()
    (directory / "Dockerfile").write_text(
        'FROM scratch\nARG WHO=me\nLABEL one="a b" two=${WHO}\nLABEL old style\nLABEL one=again\n'
    )
    store = ImageStore(tmp_path / "store")
    record = build(store, directory)
    with store.publishing(URI, record.digest):
        image = store.resolve(URI)
    assert image.labels == {"one": "again", "two": "me", "old": "style"}
    assert image.digest == record.digest
    assert record.digest != replace(record, labels={}).digest


def test_an_image_kept_before_labels_were_keeps_its_digest(tmp_path: Path) -> None:
    directory = tmp_path / "context"
    directory.mkdir()
    (directory / "Dockerfile").write_text("FROM scratch\n")
    record = build(ImageStore(tmp_path / "store"), directory)
    assert "labels" not in record.json
