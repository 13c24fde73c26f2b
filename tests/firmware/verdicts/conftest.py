"""The small fleet of the pages, for its images."""

from tests.firmware.pages.conftest import fleet

__all__ = ["fleet"]
