from itertools import groupby, islice

import pytest

from lab.network.loss import GilbertElliott

CHANNEL = GilbertElliott(p=0.002, r=0.25)


def drawn(channel: GilbertElliott, count: int, seed: int = 1) -> list[bool]:
    return list(islice(channel.losses(seed, "stream"), count))


def test_losses_are_the_same_for_the_same_seed_and_name() -> None:
    assert drawn(CHANNEL, 5000) == drawn(CHANNEL, 5000)
    assert drawn(CHANNEL, 5000) != drawn(CHANNEL, 5000, seed=2)
    assert drawn(CHANNEL, 5000) != list(islice(CHANNEL.losses(1, "other"), 5000))


@pytest.mark.parametrize(
    "channel",
    [CHANNEL, GilbertElliott(0.02, 0.5, h=0.5, k=0.001), GilbertElliott(0.3, 0.3, h=0.2)],
)
def test_the_share_lost_is_the_mean_loss(channel: GilbertElliott) -> None:
    share = sum(drawn(channel, 400_000)) / 400_000
    assert abs(share / channel.mean_loss - 1) < 0.1


def test_bursts_have_their_mean_length() -> None:
    bursts = [len(list(run)) for lost, run in groupby(drawn(CHANNEL, 400_000)) if lost]
    assert abs(sum(bursts) / len(bursts) / CHANNEL.mean_burst - 1) < 0.1


def test_three_times_the_loss_has_bursts_as_long_as_before() -> None:
    tripled = CHANNEL.times(3)
    assert abs(tripled.mean_loss / CHANNEL.mean_loss - 3) < 1e-9
    assert tripled.mean_burst == CHANNEL.mean_burst


@pytest.mark.parametrize("wrong", [{"p": -0.1}, {"r": 1.1}, {"h": 2}, {"p": 0, "r": 0}])
def test_what_is_no_channel_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"probability|never change"):
        GilbertElliott(**{"p": 0.1, "r": 0.1, **wrong})


@pytest.mark.parametrize(
    ("channel", "factor"), [(GilbertElliott(0.5, 0.5), 2.0), (GilbertElliott(0.1, 0.1, k=0.1), 1.0)]
)
def test_a_loss_that_cannot_be_multiplied_is_refused(
    channel: GilbertElliott, factor: float
) -> None:
    with pytest.raises(ValueError, match=r"times the loss|multiplied"):
        channel.times(factor)
