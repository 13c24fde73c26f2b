import pytest

from lab.box.image import HEADER_LIMIT_BYTES, Image, make_image, read_image

HEADER_BYTES = len(make_image("1.2.0", 200, 1).partition(b"\n")[0]) + 1


@pytest.mark.parametrize("size_bytes", [HEADER_BYTES, HEADER_BYTES + 1, 100_000])
def test_an_image_has_exactly_the_size_asked_for(size_bytes: int) -> None:
    assert len(make_image("1.2.0", size_bytes, 1)) == size_bytes


def test_an_image_that_cannot_hold_its_header_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        make_image("1.2.0", HEADER_BYTES - 1, 1)


def test_a_header_longer_than_boxes_read_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        make_image("v" * HEADER_LIMIT_BYTES, 100_000, 1)


def test_a_box_reads_back_version_and_refusals() -> None:
    image = read_image(make_image("1.2.0", 4096, 1, ("B2",)), otherwise="other")
    assert image == Image("1.2.0", frozenset({"B2"}))
    assert (image.boots_on("A1"), image.boots_on("B2")) == (True, False)


def test_the_same_arguments_give_the_same_bytes_and_another_seed_gives_others() -> None:
    assert make_image("1.2.0", 4096, 1) == make_image("1.2.0", 4096, 1)
    assert make_image("1.2.0", 4096, 1) != make_image("1.2.0", 4096, 2)


@pytest.mark.parametrize(
    "head",
    [b"", b"070702", b'{"stb_image":1}\n', b'{"stb_image":1,"version":"9"', b'{"stb_image"oops\n'],
)
def test_a_file_without_a_whole_header_carries_what_its_order_says(head: bytes) -> None:
    assert read_image(head, otherwise="2.0") == Image("2.0")
