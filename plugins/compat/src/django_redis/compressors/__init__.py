"""django-redis' compressors, for code that imports or subclasses them."""
