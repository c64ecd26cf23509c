"""django-redis' serializers, for code that imports or subclasses them."""
