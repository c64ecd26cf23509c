"""What a site's code calls: the backend that ``CACHES`` names, and its pipelines."""

from .backend import RedisCache
from .pipeline import AsyncPipeline, Pipeline
from .result import Result

__all__ = ["AsyncPipeline", "Pipeline", "RedisCache", "Result"]
