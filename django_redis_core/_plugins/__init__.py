"""Plugins: the hooks, who implements them, how they are found, loaded, refused and described."""
