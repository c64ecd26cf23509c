"""A small bookshop: the site that the tour shows django-redis-core on."""
