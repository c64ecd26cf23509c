"""Metrics for Prometheus: an observer plugin for django-redis-core."""
