"""The lab's command line: the edge where the wall clock, signals and files are touched."""

import argparse
import sys
from collections.abc import Sequence

from rich.console import Console

COULD_NOT_RUN = 2
INTERRUPTED = 130  # as shells write a program that ended by SIGINT: 128 + 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. 0: done, or passed; 1: failed; 2: could not run; 130: ended by Ctrl-C."""
    console = Console(stderr=True)
    try:
        options = build_parser().parse_args(arguments)
        return int(options.command(options))
    except (OSError, ValueError) as error:
        console.print(f"stb-lab: {error}", markup=False, highlight=False, soft_wrap=True)
        return COULD_NOT_RUN
    except KeyboardInterrupt:
        console.print("stb-lab: ended by Ctrl-C")
        return INTERRUPTED
    except Exception:  # noqa: BLE001 - a fault of ours must not read as a verdict
        console.print_exception()
        return COULD_NOT_RUN


def build_parser() -> argparse.ArgumentParser:
    """The commands and their options.

    They are imported here and not above, for it takes a second in which Ctrl-C may come.
    """
    from lab.commands import fleet, probing, scenarios, tracing  # noqa: PLC0415 - as said

    parser = argparse.ArgumentParser(
        prog="stb-lab",
        description="The laboratory: faults replayed with real streams and real decoders, and "
        "emulated set-top boxes that meet an update service only over the wire.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    scenarios.add_commands(commands)
    probing.add_command(commands)
    tracing.add_command(commands)
    fleet.add_commands(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
