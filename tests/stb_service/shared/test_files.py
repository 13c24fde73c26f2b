"""The content-addressed store: what is in place is whole."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from stb_service.shared.errors import TooLarge
from stb_service.shared.files import FileStore

DATA = b"firmware" * 1000


def in_place(store: FileStore) -> list[Path]:
    return sorted(store.root.glob("??/*"))


def waiting(store: FileStore) -> list[Path]:
    return list((store.root / "incoming").glob("*"))


def test_a_kept_file_lies_under_its_digest_with_all_digests_told(files: FileStore) -> None:
    with files.receiving() as incoming:
        incoming.write(DATA[:100])
        incoming.write(DATA[100:])
        stored = files.keep(incoming)

    assert stored.sha256 == hashlib.sha256(DATA).hexdigest()
    assert stored.sha1 == hashlib.sha1(DATA, usedforsecurity=False).hexdigest()
    assert stored.md5 == hashlib.md5(DATA, usedforsecurity=False).hexdigest()
    assert stored.size_bytes == len(DATA)
    assert files.path(stored.sha256).read_bytes() == DATA
    assert waiting(files) == []


def test_the_same_bytes_twice_are_one_file(files: FileStore) -> None:
    first, second = files.keep_bytes(DATA), files.keep_bytes(DATA)

    assert first == second
    assert len(in_place(files)) == 1
    assert waiting(files) == []


def test_a_file_that_is_cut_off_leaves_nothing(files: FileStore) -> None:
    with suppress(ConnectionError), files.receiving() as incoming:
        incoming.write(DATA)
        raise ConnectionError

    assert in_place(files) == waiting(files) == []


@pytest.mark.parametrize(("size", "fits"), [(9, True), (10, True), (11, False)])
def test_the_limit_is_the_largest_size_that_is_taken(
    files: FileStore, size: int, fits: bool
) -> None:
    refused = False
    try:
        with files.receiving(limit_bytes=10) as incoming:
            incoming.write(b"x" * 5)
            incoming.write(b"x" * (size - 5))
            files.keep(incoming)
    except TooLarge:
        refused = True

    assert refused is not fits
    assert len(in_place(files)) == int(fits)
    assert waiting(files) == []


def test_a_killed_process_leaves_nothing_in_place_and_its_rest_is_dropped(
    files: FileStore,
) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from stb_service.shared.files import FileStore\n"
        "incoming = FileStore(Path(sys.argv[1])).receive()\n"
        "incoming.write(b'x' * 100_000)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(files.root)], check=False, timeout=30)
    left = waiting(files)
    os.utime(left[0], (1000, 1000))

    dropped = (files.drop_stale(before=1000), files.drop_stale(before=1001))

    assert done.returncode == -9
    assert in_place(files) == []
    assert dropped == (0, 1)
    assert waiting(files) == []


@pytest.mark.parametrize(
    "digest", ["", "a" * 63, "a" * 65, "A" * 64, "../" + "a" * 61, "a" * 62 + "/b"]
)
def test_what_is_no_digest_has_no_place(files: FileStore, digest: str) -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        files.path(digest)


def test_what_was_received_can_be_read_again_before_it_is_kept(files: FileStore) -> None:
    with files.receiving() as incoming:
        incoming.write(b"one\ntwo\n")
        incoming.seek(0)

        assert incoming.readline() == b"one\n"
        assert list(incoming) == [b"two\n"]
        assert incoming.tell() == 8
