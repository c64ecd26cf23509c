"""django-rq's test settings with its queues on the server of the cache."""

import os

from django_rq.tests.settings import *  # noqa: F403

for _queue in RQ_QUEUES.values():  # noqa: F405
    if _queue.get("PORT") == 6379:
        _queue["PORT"] = int(os.environ["ECOSYSTEM_PORT"])
