"""A cache of this process, put together once and shared by its backend objects."""
