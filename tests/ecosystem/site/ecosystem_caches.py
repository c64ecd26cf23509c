"""The entries of a CACHES with the backend under test, ``ECOSYSTEM_BACKEND``, in each."""

import os


def replaced(entries):
    """``entries`` on that backend: those that shared a store share a database of the server.

    What they say beside BACKEND, LOCATION and OPTIONS stays. A dummy stays one, for whoever names
    it wants nothing to be stored, and settings of ours keep an entry with ``ECOSYSTEM_KEEP``.
    """
    backend = os.environ["ECOSYSTEM_BACKEND"]
    stores = []
    found = {}
    for alias, entry in entries.items():
        kept = {key: entry[key] for key in entry if key not in ("BACKEND", "LOCATION", "OPTIONS")}
        if entry["BACKEND"].endswith(".DummyCache") or kept.pop("ECOSYSTEM_KEEP", False):
            found[alias] = {**entry}
            found[alias].pop("ECOSYSTEM_KEEP", None)
            continue
        store = (entry["BACKEND"], str(entry.get("LOCATION", "")))
        if store not in stores:
            stores.append(store)
        number = stores.index(store)
        if "redis" in backend.lower():
            kept["LOCATION"] = f"{os.environ['ECOSYSTEM_SERVER']}/{number}"
        else:
            kept["LOCATION"] = str(number)
            # Their limits matter: a suite that counts queries wants no entry pushed out.
            if limit := entry.get("OPTIONS", {}).get("MAX_ENTRIES"):
                kept["OPTIONS"] = {"MAX_ENTRIES": limit}
        found[alias] = {"BACKEND": backend, **kept}
    return found
