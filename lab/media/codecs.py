"""Names of codecs that FFmpeg tells apart where one decoder decodes both.

Apart stay the names whose decoders differ: mp3 and mp2, float and companded PCM, TrueHD and MLP,
AVS, AVS2 and AVS3. HEVC is `hevc` and H.264 `h264` whatever an MP4 file tags them (hvc1, hev1,
avc1, avc3), and E-AC-3 is `eac3` with and without Atmos, which a plain decoder leaves out.
"""

import re

from lab.media.facts import VideoFacts

LINEAR_PCM = re.compile(r"pcm_[su](8|16|24|32)(le|be)?(_planar)?")
# FFmpeg's name: what decodes it, and why
DECODED_BY = {
    "aac_latm": ("aac", "AAC wrapped in LATM (ISO/IEC 14496-3 clause 1.7)"),
    "mp1": ("mp2", "MPEG audio layer I, which layer II decoders decode (ISO/IEC 11172-3)"),
    "mpeg1video": (
        "mpeg2video",
        "MPEG-1, whose constrained parameters MPEG-2 decoders take (ISO/IEC 13818-2)",
    ),
    "pcm_bluray": ("pcm", "linear PCM with the header of a Blu-ray disc"),
    "pcm_dvd": ("pcm", "linear PCM with the header of a DVD"),
}
AUDIO_LAYERS = {3: "mp1", 2: "mp2", 1: "mp3"}


def decoded_by(codec: str) -> str:
    """Return the name by which profiles of boxes know the decoder of a codec."""
    if LINEAR_PCM.fullmatch(codec):
        return "pcm"
    return DECODED_BY.get(codec, (codec, ""))[0]


def told_apart(codec: str) -> str | None:
    """Return in words why a codec is judged by another's name; None where it is not."""
    name, words = DECODED_BY.get(codec, (codec, ""))
    return f"{codec} is {words}; judged as {name}" if words else None


def audio_layer(frame: bytes) -> str | None:
    """Return the codec that the header of an MPEG audio frame tells (ISO/IEC 11172-3 clause
    2.4.1.3); None where there is no such header. Containers name all layers as one.
    """
    if len(frame) < 2 or frame[0] != 0xFF or frame[1] & 0xE0 != 0xE0:
        return None
    return AUDIO_LAYERS.get(frame[1] >> 1 & 3)


def is_constrained(video: VideoFacts) -> bool:
    """Tell whether MPEG-1 pictures keep to the constrained parameters of ISO/IEC 11172-2 clause
    2.4.3.2, which MPEG-2 decoders must take: 396 macroblocks, 9,900 of them in a second.
    """
    macroblocks = -(-video.width // 16) * -(-video.height // 16)
    fits = video.width <= 768 and video.height <= 576 and macroblocks <= 396
    return fits and video.fps <= 30 and macroblocks * video.fps <= 396 * 25
