"""Every cache operation, once.

Each module holds one family, as a mixin of ``interfaces.Client``. An operation is a generator: it
yields commands and is given their replies, and never waits, so that one definition serves blocking
code, asyncio and pipelines. ``declare.operation`` says what each answers while the server is in
trouble and the site ignores that.
"""
