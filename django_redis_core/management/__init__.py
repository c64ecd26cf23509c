"""What ``manage.py redis_cache`` does, one module a subcommand.

A module here makes a report of plain values, and lines of text from it: the one is what ``--json``
prints, the other what a terminal shows. What it asks of servers are generators like every cache
operation, so they run on the cache's own connections and whatever topology it has. Nothing that is
printed holds a user name, a password or a URL from settings.
"""
