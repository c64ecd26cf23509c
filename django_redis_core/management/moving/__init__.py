"""``copy`` and ``compare``: how a site moves to another server, topology or format."""
