"""Many players share one link, each getting an equal part of it at every moment.

Fluid model of processor sharing: with n segments under way each gets 1/n of the link's rate. That
is what long-lived TCP flows of one round-trip time come near to; slow start and losses are not
in it. Units: time in ns, work in bit·ns/s (see `lab.network.link`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

from lab.box.player import Player
from lab.network.link import Supply
from lab.units import NS_PER_S

Tell = Callable[[int], None]


@dataclass
class Usage:
    """What the link carried: when it stood idle, and how many segments were received."""

    segments: int = 0
    ended_ns: int = 0
    idle: list[tuple[int, int]] = field(default_factory=list)


def play(
    players: Sequence[Player], supply: Supply, *, round_trip_ns: int, tell: Tell | None = None
) -> Usage:
    """Let all players play their programme to its end; `tell` hears of the segments received.

    A segment's first bit comes a round trip, and the link's latency at that moment, after it was
    asked for. Where several things happen at one moment, segments end before others begin, and
    boxes take turns by their number.
    """
    latency_at = supply.latency_at
    # (moment, player) of the next first bits; (service at which it is through, player) on the link
    waiting = [
        (player.began_ns + round_trip_ns + latency_at(player.began_ns), n)
        for n, player in enumerate(players)
    ]
    for player in players:
        player.at_ns = player.began_ns
        player.asked_ns = player.began_ns
    heapify(waiting)
    active: list[tuple[int, int]] = []
    usage = Usage()
    served = 0  # the work that each segment on the link has got since the beginning
    done = 0  # the link's own work up to the last event
    idle_since = 0
    moment_of, work_at = supply.moment_of, supply.work_at
    while active or waiting:
        if active:
            through = done + (active[0][0] - served) * len(active)
            ends_ns = moment_of(through)
            if not waiting or ends_ns <= waiting[0][0]:
                served = active[0][0]
                done = through
                number = heappop(active)[1]
                player = players[number]
                asks_ns = player.received(ends_ns)
                usage.segments += 1
                usage.ended_ns = ends_ns
                if not player.is_done:
                    heappush(waiting, (asks_ns + round_trip_ns + latency_at(asks_ns), number))
                    player.asked_ns = asks_ns
                if not active:
                    idle_since = ends_ns
                if tell is not None:
                    tell(number)
                continue
        begins_ns, number = heappop(waiting)
        work = work_at(begins_ns)
        if active:
            served += (work - done) // len(active)
        elif begins_ns > idle_since:
            usage.idle.append((idle_since, begins_ns))
        done = work
        player = players[number]
        heappush(active, (served + player.ask(player.asked_ns) * NS_PER_S, number))
    return usage
