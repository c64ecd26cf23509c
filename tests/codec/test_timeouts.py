"""Numbers of other types as times: exact, bounded, and refused in words."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from django.utils.functional import SimpleLazyObject

from django_redis_core._codec.timeouts import milliseconds, moment, whole_milliseconds


class Several:
    """As numpy's arrays of more than one number are."""

    def __index__(self) -> int:
        raise TypeError("only integer scalar arrays can be converted to a scalar index")


@pytest.mark.parametrize(
    ("seconds", "found"),
    [
        (Decimal("9.5"), 9500),
        (Decimal("0.0001"), 1),
        (Decimal("-0.0001"), 0),
        (Fraction(1, 8), 125),
        (True, 1000),
        (False, 0),
        ("9", 9000),
        (b"-9", -9000),
        (SimpleLazyObject(lambda: 9.5), 9500),
    ],
    ids=repr,
)
def test_a_number_of_another_type_in_milliseconds(seconds: Any, found: int) -> None:
    assert milliseconds(seconds) == found
    assert type(milliseconds(seconds)) is int


def test_the_same_of_other_units() -> None:
    assert whole_milliseconds(Decimal("9.5")) == whole_milliseconds("9") == 9
    assert moment(Fraction(19, 2), 1) == 9500
    assert moment("9000", 1000) == 9000


@pytest.mark.parametrize("read", [milliseconds, whole_milliseconds, lambda value: moment(value, 1)])
def test_what_is_no_number_is_refused_in_words(read: Any) -> None:
    for wrong, words in (
        ("soon", "the str 'soon'"),
        ("1.5", "the str '1.5'"),
        (1j, "complex"),
        ([1], "list"),
        (Several(), "Several"),
    ):
        with pytest.raises(TypeError, match=f", or an int as text, not {words}"):
            read(wrong)
    for wrong in (Decimal("NaN"), Decimal("Infinity"), Decimal("1e400"), Fraction(10**400)):
        with pytest.raises(ValueError, match=r"finite|limit"):
            read(wrong)
