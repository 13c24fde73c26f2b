"""Streams encoded so that the same recipe gives the same bytes on one machine and wheel.

One thread and `bitexact`: x264, x265 and SVT-AV1 (with ``lp=1``) were seen to give identical files
that way, x264 only without its macroblock tree (with it, 1 of 8 files was another). SVT-AV1 goes
into fragmented MP4, for MPEG-TS loses it.
"""

import hashlib
import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from lab.media.content import Content, pictures

Tell = Callable[[int, int], None]
X265_SINGLE = "pools=1:frame-threads=1:log-level=none"


@dataclass(frozen=True)
class Codec:
    """One encoder: FFmpeg's name for it, its container, and its options by default."""

    encoder: str
    container: str
    options: dict[str, str]


CODECS = {
    "h264": Codec("libx264", "ts", {"preset": "veryfast", "bf": "2"}),
    "hevc": Codec("libx265", "ts", {"preset": "ultrafast"}),
    "av1": Codec("libsvtav1", "mp4", {"preset": "12"}),
    "mpeg2video": Codec("mpeg2video", "ts", {"bf": "2"}),
}


@dataclass(frozen=True)
class Recipe:
    """One stream to be encoded.

    `quality` is the encoder's constant-quality number (lower is better); `mux_bps` the constant
    rate of the transport stream, its stuffing included; `declared_level` makes H.264 declare a
    level that it does not need.
    """

    codec: str
    content: Content = field(default_factory=Content)
    quality: int = 26
    key_every_s: float = 1.0
    mux_bps: int = 1_500_000
    declared_level: str | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be encoded.

        Raises:
            ValueError: an unknown codec, or a number out of range.
        """
        if self.codec not in CODECS:
            raise ValueError(f"no codec {self.codec}: one of {', '.join(CODECS)}")
        if not (1 <= self.quality <= 60 and 0.04 <= self.key_every_s <= 60):
            raise ValueError("quality lies in 1..60, key frames come every 0.04 to 60 s")
        if not 100_000 <= self.mux_bps <= 200_000_000:
            raise ValueError("a transport stream has 0.1 to 200 Mbit/s")
        if self.declared_level is not None and self.codec != "h264":
            raise ValueError("only H.264 can be made to declare another level")

    @property
    def suffix(self) -> str:
        """The file's ending."""
        return CODECS[self.codec].container

    @property
    def key_frames(self) -> int:
        """How many frames a key frame comes after the one before."""
        return max(1, round(self.key_every_s * self.content.fps))

    @property
    def digest(self) -> str:
        """What tells it from every other recipe and wheel: SHA-256 of all that shapes the bytes."""
        made_by = {"av": av.__version__, "numpy": np.__version__, "recipe": 3}
        words = json.dumps({**asdict(self), **made_by}, sort_keys=True)
        return hashlib.sha256(words.encode()).hexdigest()


def _untold(_done: int, _total: int) -> None:
    pass


class Cache:
    """Encoded streams, kept by their recipe's digest.

    Beside each lies its SHA-256, as `sha256sum` writes it: a file that is not what was encoded, or
    of which that is not known, is encoded anew.
    """

    def __init__(self, folder: Path) -> None:
        """Keep them in a folder, which is made when it is needed."""
        self.folder = folder

    def path_of(self, recipe: Recipe, tell: Tell = _untold) -> Path:
        """Return a stream's file, encoded now if it is not there whole; `tell` hears of pictures
        (done, all).
        """
        path = self.folder / f"{recipe.codec}-{recipe.digest[:32]}.{recipe.suffix}"
        if _is_whole(path):
            tell(recipe.content.frames, recipe.content.frames)
            return path
        self.folder.mkdir(parents=True, exist_ok=True)
        partial, note = (path.with_suffix(f".{os.getpid()}.{word}") for word in ("part", "note"))
        try:
            encode(recipe, partial, tell)
            note.write_text(f"{_sha256(partial)}  {path.name}\n", encoding="utf-8")
            note.replace(_note_of(path))
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
            note.unlink(missing_ok=True)
        return path


def _note_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def _is_whole(path: Path) -> bool:
    """Tell whether a file is there and the one that was encoded."""
    try:
        noted = _note_of(path).read_bytes()[:64]
        return noted.decode("ascii", "replace") == _sha256(path)
    except FileNotFoundError:
        return False


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def encode(recipe: Recipe, path: Path, tell: Tell = _untold) -> None:
    """Encode a stream into a file; `tell` hears of pictures (done, all)."""
    codec = CODECS[recipe.codec]
    form = "mpegts" if codec.container == "ts" else "mp4"
    with av.open(str(path), "w", format=form, options=_mux_options(recipe)) as out:
        content = recipe.content
        stream = out.add_stream(codec.encoder, rate=content.fps, options=_options(recipe))
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = content.width, content.height
        stream.pix_fmt = content.pixels
        stream.time_base = Fraction(1, content.fps)
        stream.codec_context.thread_count = 1
        open_unhurried(stream.codec_context)
        for done, frame in enumerate(pictures(content), start=1):
            out.mux(stream.encode(frame))
            tell(done, content.frames)
        out.mux(stream.encode(None))


def open_unhurried(codec: av.CodecContext) -> None:
    """Open an encoder, and leave this process as urgent as it was.

    Where it may (as root), SVT-AV1 puts its caller and its own threads before everything else on
    the machine (SCHED_FIFO, priority 99), and whatever is started from there inherits that.
    """
    if not hasattr(os, "sched_getscheduler"):
        codec.open()
        return
    policy, rank = os.sched_getscheduler(0), os.sched_getparam(0)
    codec.open()
    for thread in Path("/proc/self/task").iterdir():
        with suppress(ProcessLookupError):  # it has ended meanwhile
            if os.sched_getscheduler(int(thread.name)) != policy:
                os.sched_setscheduler(int(thread.name), policy, rank)


def _mux_options(recipe: Recipe) -> dict[str, str]:
    """PCR every 20 ms and PAT and PMT every 100 ms keep within TR 101 290's limits by far."""
    if recipe.suffix == "mp4":
        return {"fflags": "+bitexact", "movflags": "+frag_keyframe+empty_moov+default_base_moof"}
    return {
        "fflags": "+bitexact",
        "muxrate": str(recipe.mux_bps),
        "pcr_period": "20",
        "pat_period": "0.1",
        "sdt_period": "0.5",
    }


def _options(recipe: Recipe) -> dict[str, str]:
    keys = recipe.key_frames
    options = {**CODECS[recipe.codec].options, "g": str(keys), "threads": "1"}
    if recipe.codec == "h264":
        level = f":level={recipe.declared_level}" if recipe.declared_level else ""
        options |= {
            "crf": str(recipe.quality),
            "x264-params": f"keyint={keys}:min-keyint={keys}:scenecut=0:mbtree=0:threads=1{level}",
        }
    elif recipe.codec == "hevc":
        params = f"keyint={keys}:min-keyint={keys}:scenecut=0:crf={recipe.quality}"
        options |= {"x265-params": f"{params}:{X265_SINGLE}"}
    elif recipe.codec == "av1":
        options |= {"crf": str(recipe.quality), "svtav1-params": "lp=1"}
    else:
        options |= {"flags": "+qscale", "global_quality": str(recipe.quality * 118)}
    return options
