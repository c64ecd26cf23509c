"""What a value took, in its expiry, and when it is computed anew for that."""

from __future__ import annotations

import math
import random
import struct
from statistics import fmean

import pytest

from django_redis_core_herd import envelope
from django_redis_core_herd.cost import price, priced
from django_redis_core_herd.xfetch import is_due

EXPIRIES = [1.0, 1_700_000_000.0, 1_800_000_000.123, 2_200_000_000.999, 2.0**32 - 0.001]
COSTS = [0.0001, 0.001, 0.0123, 0.5, 1, 60, 3600, 86_400]


@pytest.mark.parametrize("expires", EXPIRIES)
@pytest.mark.parametrize("cost", COSTS)
def test_a_cost_is_read_within_two_per_cent(expires: float, cost: float) -> None:
    assert price(priced(expires, cost)) == pytest.approx(cost, rel=0.02)


@pytest.mark.parametrize("expires", EXPIRIES)
@pytest.mark.parametrize("cost", [-1.0, 0.0, 1e-9, *COSTS, 1e12])
def test_readers_without_costs_see_the_same_millisecond(expires: float, cost: float) -> None:
    """As they read it: eleven bytes, of which the last eight are a double of seconds."""
    data = envelope.pack(envelope.VALUE, priced(expires, cost))
    (seconds,) = struct.unpack(">d", data[3:])
    assert len(data) == 11
    assert round(seconds * 1000) == round(expires * 1000)
    assert 0 <= seconds - expires < 0.0005


@pytest.mark.parametrize("expires", EXPIRIES)
def test_what_was_written_without_a_cost_has_none(expires: float) -> None:
    rng = random.Random(1)
    for milliseconds in (int(expires * 1000), *(rng.randrange(2**42) for _ in range(200))):
        (seconds,) = struct.unpack(">d", envelope.header(milliseconds)[3:])
        assert price(seconds) == 0


@pytest.mark.parametrize("expires", [math.inf, math.nan, 0.0, -1.0, 2.0**32, 1e300])
def test_where_there_is_no_room_there_is_no_cost(expires: float) -> None:
    assert price(expires) == 0
    if math.isfinite(expires):
        assert priced(expires, 1) == expires


def test_twice_priced_is_the_last_price() -> None:
    assert price(priced(priced(1_700_000_000.5, 60), 0.01)) == pytest.approx(0.01, rel=0.02)


@pytest.mark.parametrize("beta", [0.5, 1, 3])
@pytest.mark.parametrize("left", [0.1, 0.5, 1, 2, 5])
def test_how_likely_a_read_computes(left: float, beta: float) -> None:
    """P(-cost * beta * ln u >= left) is exp(-left / (cost * beta)) for an even u."""
    cost, draws = 0.8, 20_000
    draw = random.Random(f"{left} {beta}").random
    share = fmean(is_due(left, cost, beta, draw) for _ in range(draws))
    expected = math.exp(-left / (cost * beta))
    assert share == pytest.approx(expected, abs=4 * math.sqrt(expected * (1 - expected) / draws))


def earliest(drawn: float) -> float:
    """How many seconds before the expiry that draw is the first to be due, for a cost of 1."""
    no, yes = 64.0, 0.0
    for _ in range(24):
        middle = (no + yes) / 2
        if is_due(middle, 1, 1, lambda: drawn):
            yes = middle
        else:
            no = middle
    return yes


def test_with_beta_one_it_is_on_average_as_early_as_the_value_took() -> None:
    """The mean of an exponential distribution is its scale."""
    rng = random.Random(2)
    mean = fmean(earliest(rng.random()) for _ in range(2000))
    assert mean == pytest.approx(1, abs=4 / math.sqrt(2000))


def test_nothing_is_due_without_a_cost_and_everything_after_its_time() -> None:
    assert not is_due(0.001, 0, 1)
    assert not is_due(0.001, 5, 0)
    assert is_due(0, 0.001, 1)
    assert is_due(-1, 0.001, 1)
    assert not is_due(40, 1, 1, lambda: 1 - 2**-53), "the luckiest draw there is"
