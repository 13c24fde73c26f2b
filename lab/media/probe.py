"""What a file or a playlist holds, read from its headers and its first pictures."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from urllib.parse import unquote, urlsplit

import av
import m3u8
from av.stream import Disposition

from lab.media.boxes import BadBoxes, begins_with_box, read_movie
from lab.media.codecs import AUDIO_LAYERS, told_apart
from lab.media.facts import AudioFacts, MediaFacts, VideoFacts
from lab.media.packets import first_bytes, measure
from lab.media.protection import hls_protection, mp4_protection, ts_protection
from lab.media.rates import FrameRate

TRANSFERS = {16: "PQ (HDR10)", 18: "HLG", 14: "BT.2020 10 bit", 15: "BT.2020 12 bit"}
PLAYLIST_SUFFIXES = frozenset({".m3u8", ".m3u"})
LONGEST_PLAYLIST_BYTES = 1_000_000
MOST_READ_BYTES = 50_000_000
LIKELY_LAYER = "mp2"
UNSEEN_LAYER = "MPEG audio whose layer cannot be seen is taken for layer II (ETSI TS 101 154)"
NO_STREAMS = {"image2": "a picture", "tty": "a text"}  # FFmpeg shows them as video
ENCRYPTED_SEGMENTS = (
    "the segments are encrypted: without the key their streams cannot be seen, nor boxes judged"
)


class Unreadable(ValueError):
    """No media that can be read."""


def probe(path: Path) -> list[MediaFacts]:
    """Return what there is: one entry, or for a master playlist one for each variant and each
    rendition of its sound.

    Raises:
        Unreadable: it is no media file, or a playlist of other hosts.
        OSError: it cannot be opened.
    """
    head = _head(path)
    is_playlist = head.removeprefix(b"\xef\xbb\xbf").startswith(b"#EXTM3U")
    if is_playlist or path.suffix.lower() in PLAYLIST_SUFFIXES:
        return list(_playlist(path))
    return [_file(path)]


def _head(path: Path) -> bytes:
    """Return a file's first bytes.

    Raises:
        Unreadable: there is no file, or nothing in it.
        OSError: it cannot be opened.
    """
    if path.is_dir():
        raise Unreadable(f"{path}: is a folder, not a file")
    if not path.is_file():
        raise Unreadable(f"{path}: there is no such file")
    with path.open("rb") as file:
        head = file.read(16)
    if not head:
        raise Unreadable(f"{path.name}: the file is empty")
    return head


# playlists


def _playlist(path: Path) -> Iterator[MediaFacts]:
    playlist = _loaded(path)
    if not playlist.is_variant:
        yield _media_playlist(path, playlist, path.name, ())
        return
    seen: set[Path] = set()
    for uri, note in _named(playlist):
        found = _beside(path, uri)
        if found in seen:
            continue
        seen.add(found)
        inner = _loaded(found)
        if inner.is_variant:
            raise Unreadable(f"{path.name} names {uri}, which is a master playlist as well")
        yield _media_playlist(found, inner, uri, (note,))


def _loaded(path: Path) -> m3u8.M3U8:
    _head(path)
    if path.stat().st_size > LONGEST_PLAYLIST_BYTES:
        raise Unreadable(f"{path.name}: longer than {LONGEST_PLAYLIST_BYTES} bytes, no playlist")
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    if not text.lstrip().startswith("#EXTM3U"):
        raise Unreadable(f"{path.name}: does not begin with #EXTM3U")
    try:
        return m3u8.loads(text)
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise Unreadable(f"{path.name}: not a playlist that can be read ({error})") from error


def _named(master: m3u8.M3U8) -> Iterator[tuple[str, str]]:
    """Return the playlists that a master playlist names, with what it declares of each."""
    for variant in master.playlists:
        info = variant.stream_info
        size = "{}x{}".format(*info.resolution) if info.resolution else ""
        rate = f"{info.bandwidth / 1e6:g} Mbit/s" if info.bandwidth else ""
        words = [word for word in (info.codecs, size, rate) if word]
        yield variant.uri, f"the master playlist declares {', '.join(words)}"
    for media in master.media:
        if media.uri and media.type == "AUDIO":
            words = [word for word in (media.name, media.language) if word]
            yield media.uri, f"the master playlist declares sound: {', '.join(words)}"


def _media_playlist(
    path: Path, playlist: m3u8.M3U8, name: str, notes: tuple[str, ...]
) -> MediaFacts:
    if not playlist.segments:
        raise Unreadable(f"{name}: the playlist has no segment")
    keys = {hls_protection(k.method, k.keyformat) for k in playlist.keys if _is_encrypted(k)}
    protection = tuple(sorted(keys))
    length_s = float(sum(segment.duration or 0 for segment in playlist.segments))
    seen = next((segment for segment in playlist.segments if _can_be_seen(segment)), None)
    if seen is None:
        notes = (*notes, ENCRYPTED_SEGMENTS)
        return MediaFacts(name, "hls", length_s, (), (), protection, (), notes)
    segment = _beside(path, seen.uri)
    start = _beside(path, seen.init_section.uri) if seen.init_section else None
    facts = _file(segment, start=None if start == segment else start, is_encrypted=bool(keys))
    return replace(
        facts,
        name=name,
        container=f"hls of {facts.container}",
        duration_s=length_s,
        protection=(*protection, *facts.protection),
        notes=(*notes, f"streams and rates are those of the segment {seen.uri}", *facts.notes),
    )


def _is_encrypted(key: m3u8.Key | None) -> bool:
    return key is not None and key.method != "NONE"


def _can_be_seen(segment: m3u8.Segment) -> bool:
    """Samples that are encrypted one by one leave the headers of fragmented MP4 in the clear."""
    by_sample = segment.key is not None and segment.key.method.startswith("SAMPLE-AES")
    return not _is_encrypted(segment.key) or (by_sample and bool(segment.init_section))


def _beside(playlist: Path, uri: str | None) -> Path:
    """Return the file that a playlist names; only files beside or below it are opened.

    Raises:
        Unreadable: it is elsewhere.
    """
    if not uri:
        raise Unreadable(f"{playlist.name} has a segment or a map without an address")
    if urlsplit(uri).scheme or uri.startswith("//"):
        raise Unreadable(f"{playlist.name} names {uri}: only files on this machine are read")
    plain = unquote(uri.partition("?")[0]).replace("\0", "")
    found = (playlist.parent / plain).resolve()
    if not found.is_relative_to(playlist.parent.resolve()):
        raise Unreadable(f"{playlist.name} names {uri}, outside of its folder")
    if not found.is_file():
        raise Unreadable(f"{playlist.name} names {uri}, which is not there")
    return found


# files


def _file(path: Path, *, start: Path | None = None, is_encrypted: bool = False) -> MediaFacts:
    """Read a file, or a segment after the file that it begins with."""
    head = _head(start or path)
    files = [file.resolve() for file in (start, path) if file]
    if start and any("|" in str(file) for file in files):
        raise Unreadable(f"{path.name}: a name with | in it cannot be read after another")
    source = "concat:" + "|".join(map(str, files)) if start else str(files[0])
    try:
        protection = mp4_protection(read_movie(files[0])) if begins_with_box(head) else []
        with av.open(source, "r", metadata_errors="replace") as opened:
            facts = _read(opened, path.name, is_encrypted=is_encrypted or bool(protection))
        notes = []
        if facts.container == "mpegts":
            protection = ts_protection(path, MOST_READ_BYTES)
            if path.stat().st_size > MOST_READ_BYTES:
                notes.append(f"protection: looked for in {first_bytes(MOST_READ_BYTES)}")
    except BadBoxes as error:
        raise Unreadable(f"{path.name}: {error}") from error
    except av.error.FFmpegError as error:
        why = error.strerror or error
        raise Unreadable(f"{path.name}: no media that FFmpeg can read ({why})") from error
    return replace(facts, protection=tuple(protection), notes=(*facts.notes, *notes))


def _read(opened: av.container.InputContainer, name: str, *, is_encrypted: bool) -> MediaFacts:
    form = opened.format.name
    if form.endswith("_pipe") or form in NO_STREAMS:
        raise Unreadable(f"{name}: {NO_STREAMS.get(form, 'a picture')}, not a stream")
    known = [stream for stream in opened.streams if stream.codec_context and not _is_cover(stream)]
    video = {s.index: video_facts(s) for s in known if isinstance(s, av.VideoStream)}
    audio = {s.index: _audio(s) for s in known if isinstance(s, av.AudioStream)}
    others = tuple(_other(s) for s in opened.streams if s.index not in {*video, *audio})
    if not video and not audio:
        raise Unreadable(f"{name}: neither picture nor sound in it")
    tracks = {*video, *audio}
    measured = measure(opened, tracks, () if is_encrypted else tracks, MOST_READ_BYTES)
    rates = measured.rates()
    seen = tuple(
        replace(facts, rate_bps=rates.get(n), is_interlaced=n in measured.interlaced)
        for n, facts in video.items()
    )
    for n, facts in audio.items():
        if form == "mpegts" and facts.codec in AUDIO_LAYERS.values() and n not in measured.layers:
            measured.layers[n] = LIKELY_LAYER
            measured.notes.append(UNSEEN_LAYER)
    heard = tuple(
        replace(facts, rate_bps=rates.get(n), codec=measured.layers.get(n, facts.codec))
        for n, facts in audio.items()
    )
    codecs = (*(facts.codec for facts in seen), *(facts.codec for facts in heard))
    apart = filter(None, map(told_apart, codecs))
    notes = (*_contradictions(opened, video), *apart, *measured.told())
    return MediaFacts(
        name=name,
        container=form,
        duration_s=measured.length_s(opened),
        video=seen,
        audio=heard,
        others=others,
        notes=tuple(dict.fromkeys(notes)),
    )


def _contradictions(
    opened: av.container.InputContainer, video: dict[int, VideoFacts]
) -> Iterator[str]:
    """Return where the frame rate that a stream declares is not the one of its time stamps."""
    for number, (index, facts) in enumerate(video.items(), start=1):
        stream = opened.streams[index]
        words = _frame_rate(stream).contradiction if isinstance(stream, av.VideoStream) else None
        if words and facts.width:
            yield f"video {number}: {words}" if len(video) > 1 else words


def _is_cover(stream: av.stream.Stream) -> bool:
    return bool(stream.disposition & Disposition.attached_pic)


def _other(stream: av.stream.Stream) -> str:
    if _is_cover(stream):
        return "cover picture"
    unknown = stream.type in {"video", "audio"}
    return f"{stream.type} of an unknown codec" if unknown else stream.type


def _frame_rate(stream: av.VideoStream) -> FrameRate:
    """Return the rate of a stream by its headers and its time stamps, with what their rounding can
    explain: a tick at each end of the stream.
    """
    ticks = stream.duration or 0
    whole = stream.container
    if not ticks and stream.time_base and isinstance(whole, av.container.InputContainer):
        ticks = int(Fraction(whole.duration or 0, av.time_base) / stream.time_base)
    return FrameRate(
        mean=stream.average_rate or None,
        declared=stream.codec_context.framerate or None,
        likely=stream.guessed_rate or None,
        rounding=Fraction(2, ticks) if ticks > 0 else Fraction(0),
    )


def video_facts(
    stream: av.VideoStream, rate_bps: int | None = None, *, is_interlaced: bool = False
) -> VideoFacts:
    """Return what a stream declares of itself."""
    context = stream.codec_context
    codec = context.codec.canonical_name
    shape = stream.format
    return VideoFacts(
        codec=codec,
        profile=context.profile,
        level=level_name(codec, getattr(context, "level", None)),
        width=context.width,
        height=context.height,
        fps=_frame_rate(stream).settled or stream.guessed_rate or stream.base_rate or Fraction(25),
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


def _audio(stream: av.AudioStream) -> AudioFacts:
    context = stream.codec_context
    return AudioFacts(
        codec=context.codec.canonical_name,
        profile=context.profile,
        channels=context.channels,
        sample_rate_hz=context.sample_rate,
    )
