"""Zstandard compression: a compressor plugin for django-redis-core."""
