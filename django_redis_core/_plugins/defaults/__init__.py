"""The core's own plugins: pickle, identity, none, single and default.

They register through the hooks that third parties use, one module each.
"""
