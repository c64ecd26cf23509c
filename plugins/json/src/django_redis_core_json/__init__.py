"""Values as JSON: a serializer plugin for django-redis-core."""
