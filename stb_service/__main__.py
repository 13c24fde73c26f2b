"""`stb`, and `python -m stb_service`."""

from __future__ import annotations

import sys

from stb_service.shared.loading import load


def main() -> int:
    """Carry out a command; return its status."""
    status: int = load("stb_service.cli").main()
    return status


if __name__ == "__main__":
    sys.exit(main())
