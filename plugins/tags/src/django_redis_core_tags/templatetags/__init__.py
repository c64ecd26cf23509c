"""For ``{% load cache_tags %}``, with ``django_redis_core_tags`` in INSTALLED_APPS."""
