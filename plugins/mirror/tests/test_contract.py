"""The core's whole operation suite on a mirror, in every phase where a site may stay."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from django_redis_core.testing import ClientContract
from django_redis_core_mirror.phases import Phase


class Mirrored(ClientContract):
    name = "mirror"

    @pytest.fixture
    def options(self) -> dict[str, Any]:
        return {"MIRROR_OF": "old"}


class TestBoth(Mirrored):
    @pytest.fixture
    def phase(self) -> Phase:
        return Phase.BOTH
