"""What `stb-lab probe` says of real files: made here by FFmpeg, then damaged or protected."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from lab.cli import main
from lab.media import probe as probing
from lab.media.encode import open_unhurried
from lab.media.facts import MediaFacts
from lab.media.probe import Unreadable, probe
from lab.media.sections import checksum

KEY = "00112233445566778899aabbccddeeff"
KEY_ID = "ffeeddccbbaa99887766554433221100"
KEY_ID_SHOWN = "ffeeddcc-bbaa-9988-7766-554433221100"
ENCRYPTED = {
    "encryption_scheme": "cenc-aes-ctr",
    "encryption_key": KEY,
    "encryption_kid": KEY_ID,
}
VIDEO = frozenset({"libx264", "libx265", "mpeg1video", "mpeg2video"})
SMALL = (320, 180)
QUIET = {"libx265": {"x265-params": "log-level=none"}, "libsvtav1": {"preset": "12"}}
WIDEVINE = bytes.fromhex("edef8ba979d64acea3c827dcd51d21ed")
FAIRPLAY_KEY = 'METHOD=SAMPLE-AES,URI="skd://key",KEYFORMAT="com.apple.streamingkeydelivery"'
WIDEVINE_KEY = (
    'METHOD=SAMPLE-AES,URI="data:x",KEYFORMAT="urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed"'
)

Lab = Callable[..., tuple[int, str, str]]


def write(
    path: Path,
    *,
    codec: str = "libx264",
    form: str = "mp4",
    frames: int = 30,
    pixels: str = "yuv420p",
    options: dict[str, str] | None = None,
    mux: dict[str, str] | None = None,
    size: tuple[int, int] = (320, 180),
) -> Path:
    """Write grey pictures and silence."""
    with av.open(str(path), "w", format=form, options=mux or {}) as out:
        video = out.add_stream(codec, rate=25, options={**QUIET.get(codec, {}), **(options or {})})
        audio = out.add_stream("aac", rate=48000)
        assert isinstance(video, av.VideoStream)
        assert isinstance(audio, av.AudioStream)
        video.width, video.height = size
        video.pix_fmt = pixels
        open_unhurried(video.codec_context)
        for number in range(frames):
            frame = av.VideoFrame(*size, pixels)
            for plane in frame.planes:
                plane.update(bytes([number * 3 % 200]) * plane.buffer_size)
            frame.pts, frame.time_base = number, Fraction(1, 25)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
        for number in range(frames * 2):
            silence = np.zeros((2, 1024), dtype="float32")
            sound = av.AudioFrame.from_ndarray(silence, format="fltp", layout="stereo")
            sound.sample_rate, sound.pts = 48000, number * 1024
            out.mux(audio.encode(sound))
        out.mux(audio.encode(None))
    return path


Track = tuple[str, dict[str, str]]


def write_tracks(
    path: Path,
    *tracks: Track,
    form: str = "mpegts",
    mux: dict[str, str] | None = None,
    rate: Fraction | int = 25,
    frames: int = 30,
) -> Path:
    """Write grey pictures and silence, a track for each encoder with its options."""
    with av.open(str(path), "w", format=form, options=mux or {}) as out:
        made = [added(out, codec, options, rate) for codec, options in tracks]
        for number in range(frames):
            for stream in made:
                if isinstance(stream, av.VideoStream):
                    out.mux(stream.encode(picture(number, Fraction(rate))))
                else:
                    out.mux(stream.encode(silence(number, stream.format)))
        for stream in made:
            out.mux(stream.encode(None))
    return path


def added(
    out: av.container.OutputContainer, codec: str, options: dict[str, str], rate: Fraction | int
) -> av.VideoStream | av.AudioStream:
    whole = {**QUIET.get(codec, {}), **options}
    stream = out.add_stream(codec, rate=rate if codec in VIDEO else 48000, options=whole)
    if isinstance(stream, av.VideoStream):
        stream.width, stream.height = SMALL
        stream.pix_fmt = "yuv420p"
        return stream
    assert isinstance(stream, av.AudioStream)
    forms = stream.codec_context.codec.audio_formats or []
    stream.layout, stream.format = "stereo", forms[0]
    return stream


def picture(number: int, rate: Fraction) -> av.VideoFrame:
    frame = av.VideoFrame(*SMALL, "yuv420p")
    for plane in frame.planes:
        plane.update(bytes([number * 3 % 200]) * plane.buffer_size)
    frame.pts, frame.time_base = number, 1 / rate
    return frame


def silence(number: int, form: av.AudioFormat) -> av.AudioFrame:
    frame = av.AudioFrame(form.name, "stereo", 1152)
    for plane in frame.planes:
        plane.update(bytes(plane.buffer_size))
    frame.sample_rate, frame.pts, frame.time_base = 48000, number * 1152, Fraction(1, 48000)
    return frame


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files that several tests read, and none changes."""
    folder = tmp_path_factory.mktemp("made")
    write(folder / "clear.mp4")
    write(folder / "clear.ts", form="mpegts")
    write(folder / "cenc.mp4", mux=ENCRYPTED)
    return folder


@pytest.fixture
def lab(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Lab:
    def run(*words: str | Path, columns: int = 80) -> tuple[int, str, str]:
        monkeypatch.setenv("COLUMNS", str(columns))
        code = main(["probe", *map(str, words)])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


def one(path: Path) -> MediaFacts:
    (facts,) = probe(path)
    return facts


# MP4


@pytest.mark.parametrize(
    ("codec", "pixels", "name", "profile", "depth"),
    [
        ("libx264", "yuv420p", "h264", "High", 8),
        ("libx265", "yuv420p10le", "hevc", "Main 10", 10),
        ("libsvtav1", "yuv420p10le", "av1", "Main", 10),
    ],
)
def test_an_encrypted_mp4_tells_its_scheme_its_key_and_still_its_pictures(
    tmp_path: Path, codec: str, pixels: str, name: str, profile: str, depth: int
) -> None:
    path = write(tmp_path / "film.mp4", codec=codec, pixels=pixels, mux=ENCRYPTED)
    clear = one(write(tmp_path / "clear.mp4", codec=codec, pixels=pixels))
    facts = one(path)
    assert facts.protection == (
        f"track 1 (video): cenc (AES-CTR), key ID {KEY_ID_SHOWN}",
        f"track 2 (audio): cenc (AES-CTR), key ID {KEY_ID_SHOWN}",
    )
    assert clear.protection == ()
    (video,) = facts.video
    assert (video.codec, video.profile, video.bit_depth, video.chroma) == (
        name,
        profile,
        depth,
        "4:2:0",
    )
    assert (video.width, video.height, float(video.fps)) == (320, 180, 25)
    assert video.level == clear.video[0].level is not None
    assert (facts.audio[0].codec, facts.audio[0].channels) == ("aac", 2)


def pssh(system: bytes) -> bytes:
    body = b"pssh" + bytes(4) + system + (2).to_bytes(4, "big") + b"xy"
    return (len(body) + 4).to_bytes(4, "big") + body


def with_pssh(data: bytes, *systems: bytes) -> bytes:
    """Put boxes at the end of moov, which is the last box of a file that FFmpeg writes."""
    at = data.index(b"moov") - 4
    added = b"".join(map(pssh, systems))
    size = int.from_bytes(data[at : at + 4], "big")
    assert at + size == len(data)
    return data[:at] + (size + len(added)).to_bytes(4, "big") + data[at + 4 :] + added


def test_the_licence_systems_of_an_mp4_are_named(made: Path, tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    data = with_pssh((made / "cenc.mp4").read_bytes(), WIDEVINE, WIDEVINE, bytes(16))
    path.write_bytes(data.replace(b"cenc", b"cbcs"))
    assert one(path).protection == (
        f"track 1 (video): cbcs (AES-CBC by pattern), key ID {KEY_ID_SHOWN}",
        f"track 2 (audio): cbcs (AES-CBC by pattern), key ID {KEY_ID_SHOWN}",
        "licences: Widevine",
        "licences: unknown system 00000000-0000-0000-0000-000000000000",
    )


@pytest.mark.parametrize(
    ("kind", "size", "why"),
    [
        (b"sinf", 0x7FFFFFFF, "a sinf box claims 2147483647 bytes where"),
        (b"schm", 3, "a schm box of 3 bytes"),
        (b"trak", 0x00FFFFFF, "a trak box claims 16777215 bytes where"),
        (b"moov", 0x7FFFFFFF, "the moov box, which describes the streams, is cut off"),
    ],
)
def test_boxes_of_a_wrong_size_are_refused(
    made: Path, tmp_path: Path, kind: bytes, size: int, why: str
) -> None:
    data = bytearray((made / "cenc.mp4").read_bytes())
    at = data.index(kind) - 4
    data[at : at + 4] = size.to_bytes(4, "big")
    path = tmp_path / "film.mp4"
    path.write_bytes(data)
    with pytest.raises(Unreadable, match=f"^film.mp4: {why}"):
        probe(path)


def test_any_byte_of_a_movie_box_may_be_wrong(made: Path, tmp_path: Path) -> None:
    """Whatever is wrong, there is an answer or a refusal."""
    clean = (made / "cenc.mp4").read_bytes()
    start, chance = clean.index(b"moov"), random.Random(7)
    path = tmp_path / "film.mp4"
    for _ in range(60):
        data = bytearray(clean)
        for _ in range(3):
            data[chance.randrange(start, len(data))] = chance.choice([0, 1, 0x7F, 0xFF])
        path.write_bytes(data)
        with suppress(Unreadable):
            assert one(path).name == "film.mp4"


# transport streams


def scrambled(data: bytes, pids: set[int]) -> bytes:
    """Scramble what some PIDs carry, with the even key (ISO/IEC 13818-1 table 2-4)."""
    out = bytearray(data)
    for at in range(0, len(out), 188):
        if pid_at(out, at) in pids and out[at + 3] & 0x10:
            out[at + 3] |= 0x80
            start = at + 4 + (1 + out[at + 4] if out[at + 3] & 0x20 else 0)
            out[start : at + 188] = random.Random(at).randbytes(at + 188 - start)
    return bytes(out)


def pid_at(data: bytes | bytearray, at: int) -> int:
    return (data[at + 1] & 0x1F) << 8 | data[at + 2]


def access(system: int, pid: int) -> bytes:
    return bytes([0x09, 4]) + system.to_bytes(2, "big") + (0xE000 | pid).to_bytes(2, "big")


def table_packets(pid: int, section: bytes) -> bytes:
    """Carry a section without its CRC in as many packets as it takes."""
    whole = b"\0" + section + checksum(section).to_bytes(4, "big")
    packets = []
    for number, at in enumerate(range(0, len(whole), 184)):
        head = bytes([0x47, (0x40 if not at else 0) | pid >> 8, pid & 0xFF, 0x10 | number % 16])
        packets.append(head + whole[at : at + 184].ljust(184, b"\xff"))
    return b"".join(packets)


def with_access(data: bytes, pmt_pid: int, descriptors: bytes, cat: bytes = b"") -> bytes:
    """Give every PMT of a stream descriptors of the programme, and put a CAT before it all."""
    out = []
    if cat:
        length = 0xB000 | 5 + len(cat) + 4
        section = b"\x01" + length.to_bytes(2, "big") + b"\xff\xff\xc1\0\0" + cat
        out.append(table_packets(0x0001, section))
    for at in range(0, len(data), 188):
        packet = data[at : at + 188]
        if pid_at(packet, 0) != pmt_pid:
            out.append(packet)
            continue
        old = packet[5 : 5 + 3 + int.from_bytes(packet[6:8], "big") % 0x1000 - 4]
        streams = old[12 + int.from_bytes(old[10:12], "big") % 0x1000 :]
        inner = old[3:10] + (0xF000 | len(descriptors)).to_bytes(2, "big") + descriptors + streams
        section = old[:1] + (0xB000 | len(inner) + 4).to_bytes(2, "big") + inner
        out.append(table_packets(pmt_pid, section))
    return b"".join(out)


def test_a_scrambled_stream_names_its_pids_and_its_systems(made: Path, tmp_path: Path) -> None:
    clear = (made / "clear.ts").read_bytes()
    path = tmp_path / "channel.ts"
    data = with_access(clear, 4096, access(0x0500, 500) + access(0x5602, 502), access(0x0500, 600))
    path.write_bytes(scrambled(data, {256}))
    facts = one(path)
    assert facts.protection[:2] == (
        "CA system 0x0500 Viaccess: ECM on PID 500; EMM on PID 600",
        "CA system 0x5602 Verimatrix: ECM on PID 502",
    )
    count = sum(
        pid_at(data, at) == 256 and bool(data[at + 3] & 0x10) for at in range(0, len(data), 188)
    )
    assert facts.protection[2:] == (f"scrambled: PID 256 (video), {count} of {count} packets",)
    assert [(video.codec, video.width) for video in facts.video] == [("h264", 0)]
    assert facts.audio[0].channels == 2


def test_a_clear_stream_has_no_protection(made: Path) -> None:
    facts = one(made / "clear.ts")
    assert (facts.protection, facts.notes) == ((), ())
    assert (facts.video[0].codec, facts.video[0].is_interlaced) == ("h264", False)


def test_a_table_longer_than_a_packet_is_put_together(made: Path, tmp_path: Path) -> None:
    path = tmp_path / "channel.ts"
    many = b"".join(access(0x1800 + n, 100 + n) for n in range(40))
    path.write_bytes(with_access((made / "clear.ts").read_bytes(), 4096, many))
    facts = one(path)
    assert len(facts.protection) == 40
    assert facts.protection[39] == "CA system 0x1827 Nagravision: ECM on PID 139"
    assert facts.video[0].width == 320, "descriptors alone scramble nothing"


def test_a_damaged_table_is_not_believed(made: Path, tmp_path: Path) -> None:
    path = tmp_path / "channel.ts"
    data = with_access((made / "clear.ts").read_bytes(), 4096, access(0x0B00, 77))
    right, wrong = access(0x0B00, 77), access(0x0B01, 77)
    path.write_bytes(data.replace(right, wrong, 1))
    assert one(path).protection == ("CA system 0x0B00 Conax: ECM on PID 77",)


@pytest.mark.parametrize("stride", [188, 192, 204])
def test_packets_are_found_at_any_place_and_distance(
    made: Path, tmp_path: Path, stride: int
) -> None:
    """A recording may begin within a packet, lose bytes, and be of a disc or a satellite link."""
    clear = (made / "clear.ts").read_bytes()
    data = clear[: 60 * 188] + with_access(clear, 4096, access(0x0600, 500))[60 * 188 :]
    before, after = (b"\0\1\2\3", b"") if stride == 192 else (b"", bytes(stride - 188))
    spread = [before + data[at : at + 188] + after for at in range(0, len(data), 188)]
    spread[40] = spread[40][:100]
    path = tmp_path / "channel.ts"
    path.write_bytes(spread[-1][50:] + b"".join(spread))
    facts = one(path)
    assert facts.protection == ("CA system 0x0600 Irdeto: ECM on PID 500",)
    assert facts.video[0].width == 320


# HLS


def playlist(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-TARGETDURATION:4", *lines]))
    return path


@pytest.fixture
def channel(made: Path, tmp_path: Path) -> Path:
    """A folder with segments: of a transport stream, of fragmented MP4, of encrypted such."""
    (tmp_path / "a.ts").write_bytes((made / "clear.ts").read_bytes())
    for name, mux in (("clear", {}), ("locked", ENCRYPTED)):
        whole = tmp_path / f"{name}.mp4"
        flags = "+frag_keyframe+empty_moov+default_base_moof"
        data = write(whole, mux={**mux, "movflags": flags}).read_bytes()
        at = data.index(b"moof") - 4
        (tmp_path / f"{name}-init.mp4").write_bytes(data[:at])
        (tmp_path / f"{name}-1.m4s").write_bytes(data[at:])
    return tmp_path


def test_a_media_playlist_tells_its_first_segment(channel: Path) -> None:
    facts = one(playlist(channel / "live.m3u8", "#EXTINF:4,", "a.ts", "#EXTINF:3,", "b.ts"))
    assert (facts.name, facts.container, facts.duration_s) == ("live.m3u8", "hls of mpegts", 7)
    assert (facts.video[0].codec, facts.video[0].width) == ("h264", 320)
    assert facts.notes == ("streams and rates are those of the segment a.ts",)


def test_segments_of_fragmented_mp4_are_read_after_their_map(channel: Path) -> None:
    lines = ['#EXT-X-MAP:URI="clear-init.mp4"', "#EXTINF:1,", "clear-1.m4s"]
    facts = one(playlist(channel / "live.m3u8", *lines))
    assert (facts.video[0].level, facts.video[0].width) == ("1.2", 320)
    assert facts.video[0].rate_bps
    assert facts.protection == ()


def test_a_segment_without_its_map_says_so(channel: Path) -> None:
    with pytest.raises(Unreadable, match=r"clear-1.m4s: no moov box.*initialisation segment"):
        probe(playlist(channel / "live.m3u8", "#EXTINF:1,", "clear-1.m4s"))


def test_a_master_playlist_tells_each_variant_once(channel: Path) -> None:
    (channel / "low").mkdir()
    (channel / "low" / "a b.ts").write_bytes((channel / "a.ts").read_bytes())
    playlist(channel / "low" / "index.m3u8", "#EXTINF:4,", "a%20b.ts?token=1")
    playlist(channel / "high.m3u8", "#EXTINF:4,", "a.ts")
    playlist(channel / "sound.m3u8", "#EXTINF:4,", "a.ts")
    high = '#EXT-X-STREAM-INF:BANDWIDTH=2000000,CODECS="avc1.64001f",RESOLUTION=1280x720,AUDIO="s"'
    found = probe(
        playlist(
            channel / "master.txt",
            '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="s",NAME="Main",LANGUAGE="ar",URI="sound.m3u8"',
            *(high, "high.m3u8", high.replace("2000000", "2100000"), "high.m3u8"),
            *("#EXT-X-STREAM-INF:BANDWIDTH=500000", "low/index.m3u8"),
        )
    )
    assert [facts.name for facts in found] == ["high.m3u8", "low/index.m3u8", "sound.m3u8"]
    assert [facts.notes[0] for facts in found] == [
        "the master playlist declares avc1.64001f, 1280x720, 2 Mbit/s",
        "the master playlist declares 0.5 Mbit/s",
        "the master playlist declares sound: Main, ar",
    ]


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (['METHOD=AES-128,URI="key"'], ("HLS AES-128, a plain key",)),
        ([FAIRPLAY_KEY], ("HLS SAMPLE-AES, FairPlay",)),
        (
            [FAIRPLAY_KEY, WIDEVINE_KEY],
            ("HLS SAMPLE-AES, FairPlay", "HLS SAMPLE-AES, Widevine"),
        ),
        (
            ['METHOD=SAMPLE-AES,URI="x",KEYFORMAT="com.example"'],
            ("HLS SAMPLE-AES, unknown key format com.example",),
        ),
    ],
)
def test_the_keys_of_a_playlist_are_named(
    channel: Path, keys: list[str], words: tuple[str, ...]
) -> None:
    lines = [f"#EXT-X-KEY:{key}" for key in keys]
    facts = one(playlist(channel / "live.m3u8", *lines, "#EXTINF:4,", "a.ts"))
    assert facts.protection == words
    assert (facts.video, facts.audio, facts.duration_s) == ((), (), 4)
    assert facts.notes == (probing.ENCRYPTED_SEGMENTS,)


def test_the_headers_of_encrypted_samples_can_be_seen(channel: Path) -> None:
    lines = [f"#EXT-X-KEY:{FAIRPLAY_KEY}", '#EXT-X-MAP:URI="locked-init.mp4"']
    facts = one(playlist(channel / "live.m3u8", *lines, "#EXTINF:1,", "locked-1.m4s"))
    assert facts.protection[0] == "HLS SAMPLE-AES, FairPlay"
    assert facts.protection[1] == f"track 1 (video): cenc (AES-CTR), key ID {KEY_ID_SHOWN}"
    assert (facts.video[0].codec, facts.video[0].width) == ("h264", 320)


def test_a_segment_in_the_clear_is_looked_at(channel: Path) -> None:
    lines = ['#EXT-X-KEY:METHOD=AES-128,URI="key"', "#EXTINF:4,", "gone.ts"]
    clear = ["#EXT-X-KEY:METHOD=NONE", "#EXTINF:4,", "a.ts"]
    facts = one(playlist(channel / "live.m3u8", *lines, *clear))
    assert facts.protection == ("HLS AES-128, a plain key",)
    assert facts.video[0].width == 320


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ([], "the playlist has no segment"),
        (["#EXTINF:4,", "http://cdn.example/a.ts"], "only files on this machine are read"),
        (["#EXTINF:4,", "//cdn.example/a.ts"], "only files on this machine are read"),
        (["#EXTINF:4,", "file:///etc/hostname"], "only files on this machine are read"),
        (["#EXTINF:4,", "/etc/hostname"], "outside of its folder"),
        (["#EXTINF:4,", "../made.ts"], "outside of its folder"),
        (["#EXTINF:4,", "%2e%2e/made.ts"], "outside of its folder"),
        (["#EXTINF:4,", "gone.ts"], "names gone.ts, which is not there"),
        (['#EXT-X-MAP:URI="gone.mp4"', "#EXTINF:4,", "a.ts"], "names gone.mp4, which is not there"),
        (["#EXT-X-STREAM-INF:BANDWIDTH=1", "live.m3u8"], "a master playlist as well"),
        (["#EXT-X-STREAM-INF:BANDWIDTH=1", "a.ts"], "a.ts: does not begin with #EXTM3U"),
        (["#EXTINF:four,", "a.ts"], "not a playlist that can be read"),
        (["#EXT-X-STREAM-INF:", "a.ts"], "not a playlist that can be read"),
    ],
)
def test_a_playlist_that_cannot_be_followed_says_why(
    channel: Path, lab: Lab, lines: list[str], why: str
) -> None:
    code, out, err = lab(playlist(channel / "live.m3u8", *lines))
    assert (code, out) == (2, "")
    assert why in err
    assert err.count("\n") == 1


# interlace


@pytest.mark.parametrize(
    ("codec", "options"),
    [
        ("libx264", {"x264-params": "tff=1", "flags": "+ilme+ildct"}),
        ("mpeg2video", {"flags": "+ilme+ildct"}),
    ],
)
def test_interlaced_pictures_are_seen(
    tmp_path: Path, lab: Lab, codec: str, options: dict[str, str]
) -> None:
    path = write(tmp_path / "field.ts", codec=codec, form="mpegts", options=options)
    assert one(path).video[0].is_interlaced
    assert "320x180i" in lab(path)[1]
    plain = write(tmp_path / "frame.ts", codec=codec, form="mpegts")
    assert not one(plain).video[0].is_interlaced


# what is no media


def jpeg(path: Path) -> None:
    with av.open(str(path), "w", format="image2") as out:
        video = out.add_stream("mjpeg", rate=1)
        assert isinstance(video, av.VideoStream)
        video.width, video.height, video.pix_fmt = 64, 64, "yuvj420p"
        out.mux(video.encode(av.VideoFrame(64, 64, "yuvj420p")))
        out.mux(video.encode(None))


BAD: dict[str, tuple[Callable[[Path, bytes], Any], str]] = {
    "empty.ts": (lambda path, _: path.write_bytes(b""), "the file is empty"),
    "notes.txt": (lambda path, _: path.write_text("hello\n" * 99), "a text, not a stream"),
    "notes": (lambda path, _: path.write_text("hello\n" * 99), "no media that FFmpeg can read"),
    "notes.srt": (
        lambda path, _: path.write_text("1\n00:00:01,000 --> 00:00:02,000\nHello\n"),
        "neither picture nor sound",
    ),
    "cut.mp4": (lambda path, mp4: path.write_bytes(mp4[: mp4.index(b"moov") - 100]), "no moov box"),
    "cut-moov.mp4": (lambda path, mp4: path.write_bytes(mp4[:-50]), "is cut off"),
    "still.jpg": (lambda path, _: jpeg(path), "a picture"),
    "folder.ts": (lambda path, _: path.mkdir(), "is a folder, not a file"),
    "gone.ts": (lambda _path, _: None, "there is no such file"),
    "list.m3u8": (lambda path, _: path.write_text("a.ts\n"), "does not begin with #EXTM3U"),
    "long.m3u8": (lambda path, _: path.write_text("#EXTM3U\n" * 200_000), "longer than"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_media_is_refused_in_one_line(
    made: Path, tmp_path: Path, lab: Lab, name: str
) -> None:
    make, why = BAD[name]
    make(tmp_path / name, (made / "clear.mp4").read_bytes())
    code, out, err = lab(tmp_path / name)
    assert (code, out) == (2, "")
    assert err.startswith("stb-lab: ")
    assert why in err
    assert err.count("\n") == 1


def test_a_stream_cut_in_the_middle_is_read_to_there(made: Path, tmp_path: Path) -> None:
    data = (made / "clear.ts").read_bytes()
    path = tmp_path / "cut.ts"
    path.write_bytes(data[: len(data) // 2 + 7])
    assert one(path).video[0].width == 320


def test_of_a_long_file_the_beginning_is_read(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = (made / "clear.ts").read_bytes()
    path = tmp_path / "long.ts"
    path.write_bytes(with_access(data, 4096, access(0x0500, 1)) + scrambled(data, {256}))
    monkeypatch.setattr(probing, "MOST_READ_BYTES", len(data))
    facts = one(path)
    assert facts.protection == ("CA system 0x0500 Viaccess: ECM on PID 1",)
    assert [note.partition(":")[0] for note in facts.notes[1:]] == ["protection"]
    monkeypatch.setattr(probing, "MOST_READ_BYTES", 2000)
    assert "rates: of the first" in one(path).notes[0]


def test_streams_that_begin_later_are_spoken_of(made: Path, tmp_path: Path) -> None:
    first, nothing = (made / "clear.ts").read_bytes(), b"\x47\x1f\xff\x10" + b"\xff" * 184
    later = write(tmp_path / "later.ts", form="mpegts", mux={"mpegts_start_pid": "400"})
    path = tmp_path / "channel.ts"
    path.write_bytes(first + nothing * 40_000 + later.read_bytes() + nothing * 10_000 + first)
    facts = one(path)
    assert (len(facts.video), len(facts.audio)) == (1, 1)
    assert facts.notes[1:] == ("another stream begins later in the file; it is not told here",)
    assert facts.duration_s is None, "the clock leaps, and the packets were not read to the end"


@pytest.mark.parametrize("codec", ["mp2", "mp3", "ac3", "eac3", "flac", "opus"])
def test_sound_has_the_name_that_profiles_use(tmp_path: Path, codec: str) -> None:
    path = tmp_path / "sound.mkv"
    with av.open(str(path), "w", format="matroska") as out:
        encoder = {"opus": "libopus", "mp3": "libmp3lame"}.get(codec, codec)
        audio = out.add_stream(encoder, rate=48000)
        assert isinstance(audio, av.AudioStream)
        form = audio.codec_context.codec.audio_formats or []
        silence = np.zeros((2, 9600), dtype="float32")
        sound = av.AudioFrame.from_ndarray(silence, format="fltp", layout="stereo")
        sound.sample_rate, sound.pts = 48000, 0
        audio.layout, audio.format = "stereo", form[0]
        out.mux(audio.encode(sound))
        out.mux(audio.encode(None))
    assert [sound.codec for sound in one(path).audio] == [codec]


# codecs of many names


def test_aac_in_latm_is_played_as_aac(tmp_path: Path, lab: Lab) -> None:
    latm = {"mpegts_flags": "latm"}
    path = write_tracks(tmp_path / "radio.ts", ("aac", {}), mux=latm)
    facts = one(path)
    assert [sound.codec for sound in facts.audio] == ["aac_latm"]
    assert facts.notes == (
        "aac_latm is AAC wrapped in LATM (ISO/IEC 14496-3 clause 1.7); judged as aac",
    )
    assert {cells[3] for _, cells in boxes_told(lab(path)[1])} == {"yes"}


@pytest.mark.parametrize("form", ["mpegts", "mp4", "matroska"])
@pytest.mark.parametrize(("encoder", "codec"), [("mp2", "mp2"), ("libmp3lame", "mp3")])
def test_the_layer_of_mpeg_audio_is_told_in_any_container(
    tmp_path: Path, form: str, encoder: str, codec: str
) -> None:
    """A transport stream and MP4 have one type for all layers."""
    path = write_tracks(tmp_path / "sound", (encoder, {}), form=form)
    assert [sound.codec for sound in one(path).audio] == [codec]


def test_scrambled_mpeg_audio_is_taken_for_layer_2(tmp_path: Path) -> None:
    clear = write_tracks(tmp_path / "clear.ts", ("libx264", {}), ("mp2", {})).read_bytes()
    path = tmp_path / "channel.ts"
    path.write_bytes(scrambled(clear, {257}))
    facts = one(path)
    assert [(sound.codec, sound.channels) for sound in facts.audio] == [("mp2", 0)]
    assert facts.notes == (probing.UNSEEN_LAYER,)


# rates


@pytest.mark.parametrize("rate", [Fraction(60), Fraction(60_000, 1001)])
@pytest.mark.parametrize("frames", [10, 40, 83])
def test_millisecond_ticks_do_not_change_a_frame_rate(
    tmp_path: Path, rate: Fraction, frames: int
) -> None:
    ticks = {"video_track_timescale": "1000"}
    track: Track = ("libx264", {})
    path = write_tracks(
        tmp_path / "film.mp4", track, form="mp4", mux=ticks, rate=rate, frames=frames
    )
    (video,) = one(path).video
    assert video.fps == rate
    assert one(path).notes == ()


def test_mpeg_1_pictures_have_the_rate_that_they_declare(tmp_path: Path) -> None:
    path = write_tracks(tmp_path / "film.ts", ("mpeg1video", {}))
    assert one(path).video[0].fps == 25


def test_another_frame_rate_than_the_declared_is_noted(tmp_path: Path, lab: Lab) -> None:
    path = tmp_path / "film.mp4"
    write_tracks(path, ("libx264", {}), form="mp4", frames=50)
    data = path.read_bytes()
    at = data.index(b"mdhd") + 4 + 12
    assert int.from_bytes(data[at : at + 4], "big") == 12_800
    path.write_bytes(data[:at] + (12_800 * 21 // 25).to_bytes(4, "big") + data[at + 4 :])
    assert one(path).video[0].fps == 21
    words = "the headers declare 25 frames/s, the time stamps tell 21"
    assert words in lab(path, columns=120)[1]


def test_a_stream_twice_in_a_row_has_the_rate_of_one(made: Path, tmp_path: Path) -> None:
    clear = (made / "clear.ts").read_bytes()
    path = tmp_path / "loop.ts"
    path.write_bytes(clear * 3)
    plain, looped = one(made / "clear.ts"), one(path)
    for before, after in zip(plain.video + plain.audio, looped.video + looped.audio, strict=True):
        assert after.rate_bps == pytest.approx(before.rate_bps, rel=0.02)
    assert plain.duration_s
    assert looped.duration_s == pytest.approx(3 * plain.duration_s, rel=0.05)
    (note,) = looped.notes
    assert note.startswith("the clock leaps 2 times, first 1.")
    assert note.endswith("(loop or splice); rates and length are those of the parts added up")


@pytest.mark.parametrize("is_forward", [True, False])
def test_a_splice_is_no_pause(made: Path, tmp_path: Path, *, is_forward: bool) -> None:
    clear = made / "clear.ts"
    later = write(tmp_path / "later.ts", form="mpegts", mux={"output_ts_offset": "5000"})
    path = tmp_path / "splice.ts"
    parts = [clear.read_bytes(), later.read_bytes()]
    path.write_bytes(b"".join(parts if is_forward else reversed(parts)))
    facts = one(path)
    assert facts.notes[0].startswith("the clock leaps once, first 1.")
    assert facts.duration_s == pytest.approx(2 * (one(clear).duration_s or 0), rel=0.05)
    assert facts.video[0].rate_bps == pytest.approx(one(clear).video[0].rate_bps, rel=0.05)


# the command


def boxes_told(out: str) -> Iterator[tuple[str, list[str]]]:
    for line in out.splitlines():
        name, _, rest = line.partition(" ")
        if name in {"sd-hd-2012", "fhd-hevc-2016", "uhd-2018", "uhd-av1-2021", "rdk-e-reference"}:
            yield name, rest.split()[:4]


@pytest.mark.parametrize("columns", [80, 120])
def test_a_file_is_told_within_the_terminal(tmp_path: Path, lab: Lab, columns: int) -> None:
    name = "film [bold]x.mp4"
    path = write(tmp_path / name, codec="libx265", pixels="yuv420p10le", mux=ENCRYPTED)
    code, out, _ = lab(path, columns=columns)
    assert code == 0
    assert max(map(len, out.splitlines())) <= columns
    assert out.splitlines()[0].startswith(f"{name}  MP4, ")
    assert "hevc Main 10, declares level 2 Main tier, needs 2" in out
    assert "320x180p, 25 frames/s, 10 bit 4:2:0" in out
    assert "A box is held against protected streams as if it had their keys." in out
    assert dict(boxes_told(out)) == {
        "fhd-hevc-2016": ["yes", "yes", "no", "yes"],
        "rdk-e-reference": ["yes", "yes", "yes", "yes"],
        "sd-hd-2012": ["no", "no", "no", "yes"],
        "uhd-2018": ["yes", "yes", "yes", "yes"],
        "uhd-av1-2021": ["yes", "yes", "yes", "yes"],
    }


def test_a_box_that_plays_one_of_several_sounds_has_sound(tmp_path: Path, lab: Lab) -> None:
    tracks: list[Track] = [("libx264", {}), ("aac", {}), ("eac3", {})]
    path = write_tracks(tmp_path / "channel.ts", *tracks)
    _, out, _ = lab(path, columns=120)
    told = line_of(out, "sd-hd-2012")
    assert told.split()[:7] == ["sd-hd-2012", "yes", "yes", "yes", "1", "of", "2"]
    assert told.endswith("audio 2: no decoder for eac3")
    assert line_of(out, "uhd-2018").split() == ["uhd-2018", "yes", "yes", "yes", "yes"]
    assert line_of(out, "audio 2").startswith("audio 2     eac3, 2 channels")
    assert "it plays one track of two" in out
    (data,) = json.loads(lab(path, "--json")[1])
    assert data["boxes"]["sd-hd-2012"]["audio"] == [[], ["no decoder for eac3"]]


def test_video_is_judged_track_by_track(tmp_path: Path, lab: Lab) -> None:
    path = write_tracks(tmp_path / "channel.ts", ("libx264", {}), ("libx265", {}))
    _, out, _ = lab(path, columns=120)
    told = line_of(out, "sd-hd-2012")
    assert told.split()[1:11] == [*("1", "of", "2") * 3, "-"]
    assert told.endswith("video 2: no decoder for hevc")
    assert line_of(out, "uhd-2018").split()[1:] == ["yes", "yes", "yes", "-"]


def test_a_track_that_nobody_saw_is_no_refusal(tmp_path: Path, lab: Lab) -> None:
    """Of two pictures one is scrambled: the other counts, and where it does not play, all is open."""
    clear = write_tracks(tmp_path / "clear.ts", ("libx264", {}), ("libx265", {})).read_bytes()
    path = tmp_path / "channel.ts"
    path.write_bytes(scrambled(clear, {256}))
    _, out, _ = lab(path, columns=120)
    assert line_of(out, "sd-hd-2012").split()[1:5] == ["?", "?", "?", "-"]
    assert "video 1: nothing can be seen; video 2: no decoder for hevc" in out
    assert line_of(out, "uhd-2018").split()[1:4] == ["1", "of", "2"]


def line_of(out: str, name: str) -> str:
    return next(line.rstrip() for line in out.splitlines() if line.startswith(name))


@pytest.mark.parametrize(
    "address", ["http://cdn.example/a.ts", "udp://@239.1.1.1:5000", "FILE://a"]
)
def test_an_address_is_refused_as_one(lab: Lab, address: str) -> None:
    code, out, err = lab(address)
    assert (code, out) == (2, "")
    assert err == f"stb-lab: {address}: only files on this machine are read\n"


def test_no_box_is_judged_by_pictures_that_nobody_saw(made: Path, tmp_path: Path, lab: Lab) -> None:
    path = tmp_path / "channel.ts"
    path.write_bytes(scrambled((made / "clear.ts").read_bytes(), {256}))
    _, out, _ = lab(path)
    assert "h264, nothing else can be seen" in out
    assert {tuple(cells) for _, cells in boxes_told(out)} == {("?", "?", "?", "yes")}
    (data,) = json.loads(lab(path, "--json")[1])
    assert data["boxes"]["uhd-2018"]["video"] == [None]


def test_the_shape_of_json(made: Path, lab: Lab) -> None:
    code, out, _ = lab(made / "cenc.mp4", "--json")
    (data,) = json.loads(out)
    assert code == 0
    assert sorted(data) == [
        *("audio", "boxes", "container", "duration_s", "name", "notes", "others"),
        *("protection", "video"),
    ]
    assert data["video"] == [
        {
            "codec": "h264",
            "profile": "High",
            "level": "1.2",
            "needed_level": "1.2",
            "tier": None,
            "width": 320,
            "height": 180,
            "fps": 25.0,
            "bit_depth": 8,
            "chroma": "4:2:0",
            "is_interlaced": False,
            "transfer": None,
            "rate_bps": data["video"][0]["rate_bps"],
        }
    ]
    assert data["video"][0]["rate_bps"] > 1000
    assert sorted(data["audio"][0]) == [
        "channels",
        "codec",
        "profile",
        "rate_bps",
        "sample_rate_hz",
    ]
    assert data["boxes"]["sd-hd-2012"] == {
        "video": [{"declared": [], "needed": [], "actual": []}],
        "audio": [[]],
    }
