"""What a file or a playlist holds, read from its headers and its first pictures."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import m3u8

from lab.media.facts import AudioFacts, MediaFacts, VideoFacts

CODEC_NAMES = {"libdav1d": "av1", "libvpx-vp9": "vp9"}
TRANSFERS = {16: "PQ (HDR10)", 18: "HLG", 14: "BT.2020 10 bit", 15: "BT.2020 12 bit"}
LONGEST_PLAYLIST_BYTES = 1_000_000


class Unreadable(ValueError):
    """No media that can be read."""


def probe(path: Path) -> list[MediaFacts]:
    """Return what there is: one entry, or for a master playlist one for each variant.

    Raises:
        Unreadable: it is no media file, or a playlist of other hosts.
        OSError: it cannot be opened.
    """
    if path.suffix.lower() in {".m3u8", ".m3u"}:
        return list(_playlist(path))
    return [_file(path, ())]


def _playlist(path: Path) -> Iterator[MediaFacts]:
    if path.stat().st_size > LONGEST_PLAYLIST_BYTES:
        raise Unreadable(f"{path.name}: the playlist is too long")
    text = path.read_text(encoding="utf-8", errors="replace")
    if not text.lstrip().startswith("#EXTM3U"):
        raise Unreadable(f"{path.name}: does not begin with #EXTM3U")
    playlist = m3u8.loads(text)
    if playlist.is_variant:
        for variant in playlist.playlists:
            yield from _playlist(_beside(path, variant.uri))
        return
    keys = tuple(
        sorted({f"HLS {key.method}" for key in playlist.keys if key and key.method != "NONE"})
    )
    first = next(iter(playlist.segments), None)
    if first is None:
        raise Unreadable(f"{path.name}: the playlist has no segment")
    if keys:
        notes = ("the segments are encrypted; their streams cannot be seen without the key",)
        yield MediaFacts(path.name, "hls", _length(playlist), (), (), keys, (), notes)
        return
    segment = _beside(path, first.uri)
    start = _beside(path, first.init_section.uri) if first.init_section else None
    yield _file(segment, keys, name=path.name, start=start, duration_s=_length(playlist))


def _length(playlist: m3u8.M3U8) -> float:
    return float(sum(segment.duration or 0 for segment in playlist.segments))


def _beside(playlist: Path, uri: str) -> Path:
    """Return the file that a playlist names; only files beside or below it are opened.

    Raises:
        Unreadable: it is elsewhere.
    """
    if "://" in uri:
        raise Unreadable(f"{playlist.name} names {uri}: only files on this machine are read")
    found = (playlist.parent / uri.partition("?")[0]).resolve()
    if not found.is_relative_to(playlist.parent.resolve()):
        raise Unreadable(f"{playlist.name} names {uri}, outside of its folder")
    if not found.is_file():
        raise Unreadable(f"{playlist.name} names {uri}, which is not there")
    return found


def _file(
    path: Path,
    protection: tuple[str, ...],
    *,
    name: str = "",
    start: Path | None = None,
    duration_s: float | None = None,
) -> MediaFacts:
    if not path.is_file():
        raise Unreadable(f"{path}: there is no such file")
    source = f"concat:{start}|{path}" if start else str(path)
    try:
        with av.open(source, "r") as opened:
            return _read(opened, name or path.name, protection, duration_s)
    except av.error.FFmpegError as error:
        raise Unreadable(f"{path.name}: {error.strerror or error}") from error


def _read(
    opened: av.container.InputContainer,
    name: str,
    protection: tuple[str, ...],
    duration_s: float | None,
) -> MediaFacts:
    kinds = {stream.index: stream.type for stream in opened.streams}
    rates = _rates(opened)
    found = set(protection)
    for stream in opened.streams:
        if any(str(kind).startswith("ENCRYPTION") for kind in getattr(stream, "side_data", {})):
            found.add("common encryption (CENC)")
        if stream.metadata.get("enca") or getattr(stream, "codec_tag", "") in {"encv", "enca"}:
            found.add("common encryption (CENC)")
    return MediaFacts(
        name=name,
        container=opened.format.name,
        duration_s=duration_s or (opened.duration / av.time_base if opened.duration else None),
        video=tuple(video_facts(s, rates.get(s.index)) for s in opened.streams.video),
        audio=tuple(_audio(s, rates.get(s.index)) for s in opened.streams.audio),
        protection=tuple(sorted(found)),
        others=tuple(kind for kind in kinds.values() if kind not in {"video", "audio"}),
    )


def _rates(opened: av.container.InputContainer) -> dict[int, int]:
    """Return the mean rate of each stream, by its packets: bit/s."""
    sizes: dict[int, int] = {}
    spans: dict[int, list[Fraction]] = {}
    for packet in opened.demux():
        if packet.size and packet.dts is not None and packet.time_base:
            index = packet.stream.index
            sizes[index] = sizes.get(index, 0) + packet.size * 8
            at = packet.dts * Fraction(packet.time_base)
            span = spans.setdefault(index, [at, at])
            span[1] = at + Fraction(packet.duration or 0) * packet.time_base
    return {
        index: round(size / (spans[index][1] - spans[index][0]))
        for index, size in sizes.items()
        if spans[index][1] > spans[index][0]
    }


def video_facts(
    stream: av.VideoStream, rate_bps: int | None = None, *, is_interlaced: bool = False
) -> VideoFacts:
    """Return what a stream declares of itself."""
    context = stream.codec_context
    codec = CODEC_NAMES.get(context.name, context.name)
    shape = stream.format
    return VideoFacts(
        codec=codec,
        profile=context.profile,
        level=level_name(codec, getattr(context, "level", None)),
        width=context.width,
        height=context.height,
        fps=Fraction(stream.average_rate or stream.guessed_rate or stream.base_rate or 25),
        bit_depth=max((part.bits for part in shape.components), default=8) if shape else 8,
        chroma=_chroma(shape),
        tier=_tier(codec, bytes(context.extradata or b"")),
        is_interlaced=is_interlaced,
        transfer=TRANSFERS.get(context.color_trc),
        rate_bps=rate_bps,
    )


def level_name(codec: str, level: int | None) -> str | None:
    """Return a level as people write it, from the number that the stream carries.

    H.264 level_idc is ten times the level; HEVC general_level_idc thirty times; AV1 seq_level_idx
    counts from 2.0, four to each whole one.
    """
    if level is None or level < 0:
        return None
    if codec == "h264":
        return f"{level // 10}.{level % 10}".removesuffix(".0")
    if codec == "hevc":
        return f"{level // 30}.{level % 30 // 3}".removesuffix(".0")
    if codec == "av1":
        return f"{2 + (level >> 2)}.{level & 3}"
    if codec == "mpeg2video":
        return {10: "Low", 8: "Main", 6: "High 1440", 4: "High"}.get(level)
    return None


def _tier(codec: str, extradata: bytes) -> str | None:
    """HEVC's tier is bit 5 of the second byte of hvcC (ISO/IEC 14496-15 clause 8.3.3.1)."""
    if codec != "hevc" or len(extradata) < 2 or extradata[0] != 1:
        return None
    return "High" if extradata[1] & 0x20 else "Main"


def _chroma(shape: av.VideoFormat | None) -> str:
    if shape is None:
        return "?"
    for name, words in (("444", "4:4:4"), ("422", "4:2:2"), ("420", "4:2:0")):
        if name in shape.name:
            return words
    return "4:2:0" if shape.name in {"nv12", "p010le"} else shape.name


def _audio(stream: av.AudioStream, rate_bps: int | None) -> AudioFacts:
    context = stream.codec_context
    return AudioFacts(
        codec=CODEC_NAMES.get(context.name, context.name),
        profile=context.profile,
        channels=context.channels,
        sample_rate_hz=context.sample_rate,
        rate_bps=rate_bps,
    )
