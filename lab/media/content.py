"""Pictures that are the same for the same seed: a moving test pattern with noise.

The noise makes them hard to encode, as broadcast is; nothing in them is anybody else's.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import av
import numpy as np
from av.filter import Graph
from av.video.frame import PictureType
from numpy.typing import NDArray

Luma = NDArray[np.uint16]
PIXELS = {8: "yuv420p", 10: "yuv420p10le"}


@dataclass(frozen=True)
class Content:
    """What is to be seen. `noise` is FFmpeg's strength of the noise filter, 0 to 100."""

    width: int = 640
    height: int = 360
    fps: int = 25
    frames: int = 250
    bit_depth: int = 8
    noise: int = 6
    seed: int = 1

    def __post_init__(self) -> None:
        """Refuse what no encoder takes.

        Raises:
            ValueError: a number is out of range.
        """
        if not (320 <= self.width <= 4096 and 180 <= self.height <= 2304):
            raise ValueError(f"a picture of {self.width}x{self.height} is out of range")
        if self.width % 2 or self.height % 2:
            raise ValueError("pictures have even sides")
        if not (1 <= self.fps <= 120 and 1 <= self.frames <= 100_000 and 0 <= self.noise <= 100):
            raise ValueError("frames a second, frames or noise are out of range")
        if self.bit_depth not in PIXELS:
            raise ValueError(f"{self.bit_depth} bit pictures: 8 or 10 are known")

    @property
    def pixels(self) -> str:
        """FFmpeg's name of the pixel format."""
        return PIXELS[self.bit_depth]


def pictures(content: Content) -> Iterator[av.VideoFrame]:
    """Draw the pictures, one after the other."""
    graph = Graph()
    size = f"size={content.width}x{content.height}:rate={content.fps}"
    chain = [
        graph.add("testsrc2", f"{size}:duration={(content.frames + 1) / content.fps}"),
        graph.add("noise", f"alls={content.noise}:allf=t:all_seed={content.seed & 0x7FFFFFFF}"),
        graph.add("format", f"pix_fmts={content.pixels}"),
        graph.add("buffersink"),
    ]
    for source, target in pairwise(chain):
        source.link_to(target)
    graph.configure()
    for number in range(content.frames):
        frame = graph.pull()
        assert isinstance(frame, av.VideoFrame)
        frame.pts = number
        frame.pict_type = PictureType.NONE  # the pattern calls every picture a key picture
        yield frame


def luma_of(frame: av.VideoFrame) -> Luma:
    """Return the brightness of a picture: (height, width), in its own bit depth."""
    plane = frame.planes[0]
    wide = frame.format.components[0].bits > 8
    samples = np.frombuffer(bytes(plane), dtype="<u2" if wide else "u1")
    lines = samples.reshape(plane.height, -1)[:, : plane.width]
    return lines.astype(np.uint16)
