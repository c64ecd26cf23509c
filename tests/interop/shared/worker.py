"""One package's side of the interop suite: a process that does what it is told on its input.

Each line is the pickle of a request, as hexadecimal text, and so is each answer: ``("did", value)``
or ``("raised", type and words)``. ``python worker.py PACKAGE URL URL``.
"""

import pickle
import sys

import django
from django.conf import settings


def configure():
    settings.configure(
        SECRET_KEY="for tests",
        USE_TZ=True,
        INSTALLED_APPS=["django.contrib.sessions"],
        SESSION_ENGINE="django.contrib.sessions.backends.cache",
    )
    django.setup()


def answer(site, request):
    """``("promise", name)``, or ``("calls", entry, [(method, args, kwargs), …])`` on one cache, or
    ``("session", …)``."""
    from wire import DEEDS

    kind, *rest = request
    return DEEDS[kind](site, *rest)


def main(package, *urls):
    configure()
    from sites import Site

    site = Site(package, list(urls))
    for line in sys.stdin:
        try:
            reply = ("did", answer(site, pickle.loads(bytes.fromhex(line))))
        except Exception as error:
            reply = ("raised", f"{type(error).__name__}: {error}")
        sys.stdout.write(pickle.dumps(reply).hex() + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
