"""A site with a cache and nothing else."""

SECRET_KEY = "-"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
USE_TZ = True
