"""``PICKLE_ALLOW``: a pickle may name only what the list names."""

from __future__ import annotations

import collections
import datetime
import decimal
import os
import pickle
import sys
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured

from django_redis_core import signals
from django_redis_core._plugins.defaults.pickle import PickleSerializer
from django_redis_core.exceptions import SerializationError
from django_redis_core.testing import SerializerContract
from django_redis_core.testing.fixtures import MakeCache

PRICE = decimal.Decimal("10.50")


class Outer:
    class Inner:
        def __eq__(self, other: object) -> bool:
            return isinstance(other, Outer.Inner)

        __hash__ = None  # type: ignore[assignment]


class Bomb:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


class TestContract(SerializerContract):
    """With what its samples need: everything else of the format works as without a list."""

    name = "pickle"
    options = {
        "allow": [
            "builtins.bytearray",
            "builtins.complex",
            "datetime.date",
            "datetime.datetime",
            "datetime.time",
            "datetime.timedelta",
            "datetime.timezone",
            "decimal.Decimal",
            "django_redis_core.testing.contracts.values.Level",
            "django_redis_core.testing.contracts.values.Point",
            "uuid.UUID",
        ]
    }


def reading(*allow: str, **options: Any) -> PickleSerializer:
    return PickleSerializer(allow=allow, **options)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    "value", [None, True, 1, 2**70, 1.5, "text", [1], (1, 2), {"a": [None]}], ids=repr
)
def test_what_needs_no_name_is_always_read(protocol: int, value: object) -> None:
    assert reading().loads(pickle.dumps(value, protocol)) == value


@pytest.mark.parametrize("value", [b"\xff", {1, 2}, frozenset({1})], ids=repr)
def test_nor_do_these_at_the_default_protocol(value: object) -> None:
    assert reading().loads(reading().dumps(value)) == value


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_name_of_the_list_is_found_in_every_protocol(protocol: int) -> None:
    assert reading("decimal.Decimal").loads(pickle.dumps(PRICE, protocol)) == PRICE
    inner = [f"{__name__}.Outer.Inner", "copyreg._reconstructor", "builtins.getattr"]
    inner += [f"{__name__}.Outer", "builtins.object"]
    assert reading(*inner).loads(pickle.dumps(Outer.Inner(), protocol)) == Outer.Inner()
    # Protocols 0 to 2 call this module __builtin__.
    assert reading("builtins.set").loads(pickle.dumps({1}, protocol)) == {1}


@pytest.mark.parametrize(
    "allow",
    [(), ("decimal.Context",), ("decimal.DecimalTuple",), ("datetime.Decimal",), ("decimal.D",)],
)
def test_only_the_exact_name_is(allow: tuple[str, ...]) -> None:
    with pytest.raises(pickle.UnpicklingError, match=r"needs decimal\.Decimal"):
        reading(*allow).loads(pickle.dumps(PRICE))


def test_nothing_is_imported_or_called_for_another_name(tmp_path: Path) -> None:
    with pytest.raises(pickle.UnpicklingError, match=r"mkdir"):
        reading("decimal.Decimal").loads(pickle.dumps(Bomb(tmp_path / "made")))
    assert not list(tmp_path.iterdir())
    sys.modules.pop("this", None)
    with pytest.raises(pickle.UnpicklingError, match=r"needs this\.s"):
        reading().loads(b"cthis\ns\n.")
    assert "this" not in sys.modules
    pickle.loads(pickle.dumps(Bomb(tmp_path / "made")))
    assert list(tmp_path.iterdir()), "without the list it does something"


@pytest.mark.parametrize("text", [b"cdecimal\nDecimal.__init__\n.", b"c\ndecimal.Decimal\n."])
def test_a_name_is_taken_as_a_whole(text: bytes) -> None:
    with pytest.raises((pickle.UnpicklingError, ValueError)):
        reading("decimal.Decimal").loads(text)


def test_instances_of_models_need_two_names_and_what_their_fields_hold() -> None:
    if not apps.ready:  # where a plugin's tests, which need no app, have configured Django
        apps.populate(["django.contrib.sessions"])
    from django.contrib.sessions.models import Session

    names = [f"django.db.models.base.{name}" for name in ("model_unpickle", "ModelState")]
    names += ["datetime.datetime", "datetime.timedelta", "datetime.timezone"]
    session = Session(
        session_key="k", expire_date=datetime.datetime(2026, 7, 9, tzinfo=datetime.UTC)
    )
    back = reading(*names).loads(reading(*names).dumps(session))
    assert (back, back.expire_date) == (session, session.expire_date)


def test_unset_it_is_pickle_itself() -> None:
    serializer = PickleSerializer()
    assert serializer.loads is pickle.loads
    assert not hasattr(serializer, "find_class")


class TestInACache:
    def test_what_is_named_is_kept_and_the_rest_refused_when_it_is_stored(
        self, make_cache: MakeCache
    ) -> None:
        cache = make_cache({"PICKLE_ALLOW": ["decimal.Decimal"]})
        cache.set("k", {"price": PRICE})
        assert cache.get("k") == {"price": PRICE}
        with pytest.raises(SerializationError, match=r"'day'|:day'.*datetime\.date"):
            cache.set("day", datetime.date(2026, 7, 9))
        assert cache.has_key("day") is False

    def test_another_class_is_a_miss_that_is_reported(self, make_cache: MakeCache) -> None:
        every = make_cache(KEY_PREFIX="pickle-allow")
        cache = make_cache({"PICKLE_ALLOW": ["decimal.Decimal"]}, KEY_PREFIX="pickle-allow")
        every.set_many({"day": datetime.date(2026, 7, 9), "price": PRICE, "n": 5})
        seen: list[str] = []

        def receive(exception: Exception, **details: Any) -> None:
            seen.append(str(exception))

        signals.value_unreadable.connect(receive)
        try:
            assert cache.get("day", "missed") == "missed"
            assert cache.get_many(["day", "price", "n"]) == {"price": PRICE, "n": 5}
        finally:
            signals.value_unreadable.disconnect(receive)
        assert len(seen) == 2
        assert all("datetime.date" in text for text in seen)

    @pytest.mark.parametrize("herd_format", ["native", "django-redis"])
    def test_herd_honours_it(self, make_cache: MakeCache, herd_format: str, tmp_path: Path) -> None:
        options = {"CLIENT": "herd", "HERD_FORMAT": herd_format}
        every = make_cache(options, KEY_PREFIX="herd-allow")
        cache = make_cache(
            {**options, "PICKLE_ALLOW": ["decimal.Decimal"]}, KEY_PREFIX="herd-allow"
        )
        cache.set("price", PRICE)
        assert cache.get("price") == PRICE
        every.set_many({"list": collections.OrderedDict(a=1), "bomb": Bomb(tmp_path / "made")})
        assert cache.get_many(["price", "list", "bomb"]) == {"price": PRICE}
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize(
        "written",
        ["decimal.Decimal", ["Decimal"], ["decimal.*"], [decimal.Decimal], [""], {"a.b": 1}, 5],
        ids=repr,
    )
    def test_anything_but_exact_names_is_refused_in_settings(
        self, make_cache: MakeCache, written: object
    ) -> None:
        with pytest.raises(
            ImproperlyConfigured, match="PICKLE_ALLOW must be a list of exact names"
        ):
            make_cache({"PICKLE_ALLOW": written})
