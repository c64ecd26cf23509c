"""A site for the tests of django-waffle, whose sdist has none; its application is beside this."""

SECRET_KEY = "-"
_MEMORY = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
DATABASES = {"default": _MEMORY, "readonly": _MEMORY}
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
USE_TZ = True
WAFFLE_CACHE_PREFIX = "test:"
ROOT_URLCONF = "sites.waffle_urls"
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "test_app",
    "waffle",
]
MIGRATION_MODULES = {"test_app": None}  # its models are ours
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "waffle.middleware.WaffleMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
