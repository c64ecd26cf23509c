"""From a command to a server and back: connections, pools, timeouts, retry, the breaker, routing.

Nothing here knows about cache keys' names, values or Django's cache API.
"""
