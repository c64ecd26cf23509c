"""What went wrong in django-redis and must not here: each fault as a promise that a site can keep.

A promise is a function of a site (``sites.Site``) that raises where it is broken. It runs on this
package and on django-redis 7.0.0, and ``there`` is a regular expression for what it raises on the
second: a promise that fails for another reason proves nothing.

Nothing of pytest is used here, for the other interpreter has only that package.

What its users reported and does not show on 7.0.0 with redis-py 8, so there is no promise for it:

==========================================  ======================================================
``PICKLE_VERSION`` changes OPTIONS          only ``SENTINELS`` does
``expire`` takes DEFAULT_TIMEOUT wrongly    only ``pexpire`` does
``IGNORE_EXCEPTIONS`` and ``lock``          the lock is made without I/O, and raises in ``acquire``
                                            in both packages, which is right
==========================================  ======================================================
"""

import promises_of_clients
import promises_of_operations
import promises_of_trouble
from promising import PROMISES

__all__ = ["PROMISES", "promises_of_clients", "promises_of_operations", "promises_of_trouble"]
