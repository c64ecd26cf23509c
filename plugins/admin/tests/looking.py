"""What pages show, as a reader sees it."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

from django.test import Client

ROOT = "/admin/redis_caches/cache/"
PAGES = ("", "default/", "default/live/", "default/live.json", "default/keys/", "default/history/")


def shown(client: Client, place: str = "", **query: Any) -> str:
    """What a page shows, as text."""
    response = client.get(f"{ROOT}{place}?{urlencode(query)}")
    assert response.status_code == 200, response
    return text(response)


def text(response: Any) -> str:
    words = re.sub(r"<script.*?</script>|<[^>]*>", " ", response.content.decode(), flags=re.S)
    return re.sub(r"\s+", " ", words).replace("&#x27;", "'").replace("&quot;", '"')
