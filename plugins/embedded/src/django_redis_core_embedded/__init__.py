"""A private Valkey server: a connection factory plugin for django-redis-core."""
