"""The permissions, and what ``redis_cache sample`` keeps."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Cache(models.Model):
    """No table: what the admin lists, what permissions and its log are about."""

    class Meta:
        managed = False
        default_permissions = ("view", "change")
        verbose_name = "cache"
        verbose_name_plural = "caches"


class Sample(models.Model):
    """What one server of one cache has counted since it started, at one time; or that it could not
    be asked, in ``error``. What it does not tell is NULL."""

    alias = models.CharField(max_length=255)
    server = models.CharField(max_length=255)
    taken = models.DateTimeField()
    error = models.TextField(blank=True, default="")
    run = models.CharField(max_length=64, blank=True, default="")
    role = models.CharField(max_length=16, blank=True, default="")
    commands = models.BigIntegerField(null=True)
    hits = models.BigIntegerField(null=True)
    misses = models.BigIntegerField(null=True)
    evicted_keys = models.BigIntegerField(null=True)
    expired_keys = models.BigIntegerField(null=True)
    used_memory = models.BigIntegerField(null=True)
    maxmemory = models.BigIntegerField(null=True)
    keys = models.BigIntegerField(null=True)
    round_trip_ms = models.FloatField(null=True)

    class Meta:
        default_permissions = ()
        indexes: ClassVar = [models.Index(fields=["alias", "taken"], name="redis_caches_by_time")]

    def __str__(self) -> str:
        return f"{self.alias} on {self.server} at {self.taken:%Y-%m-%d %H:%M}"
