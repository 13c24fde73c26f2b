"""What is known of a stream: as its headers declare it, and as its pictures need it."""

from dataclasses import dataclass, field
from fractions import Fraction

from lab.media.levels import needed_level


@dataclass(frozen=True)
class VideoFacts:
    """A video stream. `level` and `tier` are what it declares; None where it declares nothing."""

    codec: str
    profile: str | None
    level: str | None
    width: int
    height: int
    fps: Fraction
    bit_depth: int
    chroma: str
    tier: str | None = None
    is_interlaced: bool = False
    transfer: str | None = None
    rate_bps: int | None = None

    @property
    def needed_level(self) -> str | None:
        """The lowest level that holds its pictures at their rate."""
        return needed_level(self.codec, self.width, self.height, self.fps)

    def __str__(self) -> str:
        """Return it in one line."""
        scan = "i" if self.is_interlaced else "p"
        return (
            f"{self.codec} {self.profile or '?'}@{self.level or '?'} "
            f"{self.width}x{self.height}{scan}{float(self.fps):g} {self.bit_depth} bit"
        )


@dataclass(frozen=True)
class AudioFacts:
    """An audio stream."""

    codec: str
    profile: str | None
    channels: int
    sample_rate_hz: int
    rate_bps: int | None = None

    def __str__(self) -> str:
        """Return it in one line."""
        profile = f" {self.profile}" if self.profile else ""
        return f"{self.codec}{profile} {self.channels} channels {self.sample_rate_hz} Hz"


@dataclass(frozen=True)
class MediaFacts:
    """A file or a playlist: its streams, and what protects them."""

    name: str
    container: str
    duration_s: float | None
    video: tuple[VideoFacts, ...]
    audio: tuple[AudioFacts, ...]
    protection: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())
