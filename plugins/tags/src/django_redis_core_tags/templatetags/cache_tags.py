"""Template fragments with tags."""

from __future__ import annotations

from typing import Any

from django.core.cache import InvalidCacheBackendError, caches
from django.core.cache.utils import make_template_fragment_key
from django.template import Library, Node, TemplateSyntaxError, VariableDoesNotExist

from ..lookup import tagged_cache as find_cache

register = Library()

#: Django's alias for fragments, where a site has one.
_FRAGMENTS = "template_fragments"


class TaggedCacheNode(Node):
    def __init__(
        self,
        nodelist: Any,
        timeout: Any,
        name: str,
        vary_on: list[Any],
        one: list[Any],
        several: list[Any],
        using: Any,
    ) -> None:
        self.nodelist = nodelist
        self.timeout = timeout
        self.name = name
        self.vary_on = vary_on
        self.one = one
        self.several = several
        self.using = using

    def render(self, context: Any) -> Any:
        timeout = self._resolved(self.timeout, context)
        if timeout is not None:
            try:
                timeout = int(timeout)
            except (ValueError, TypeError) as error:
                raise TemplateSyntaxError(
                    f"{{% tagged_cache %}} takes whole seconds, not {timeout!r}."
                ) from error
        cache = self._cache(context)
        tags = [self._resolved(each, context) for each in self.one]
        # A template has no str(): what it would show is what is meant.
        tags = [str(tag) if type(tag) is int else tag for tag in tags]
        for each in self.several:
            found = self._resolved(each, context)
            if isinstance(found, str):
                raise TemplateSyntaxError(
                    f"{{% tagged_cache %}}: tags= is a list, not {found!r}: write tag= for one."
                )
            tags += found
        key = make_template_fragment_key(self.name, [var.resolve(context) for var in self.vary_on])
        value = cache.get(key)
        if value is None:
            # Before it is rendered: what is invalidated meanwhile is so for this fragment.
            snapshot = cache.snapshot_tags(*tags)
            value = self.nodelist.render(context)
            cache.set(key, value, timeout, tags=snapshot)
        return value

    def _cache(self, context: Any) -> Any:
        alias = _FRAGMENTS if self.using is None else self._resolved(self.using, context)
        try:
            return find_cache(alias, "{% tagged_cache %}")
        except InvalidCacheBackendError as error:
            if self.using is None:
                return find_cache("default", "{% tagged_cache %}")
            raise TemplateSyntaxError(
                f"{{% tagged_cache %}}: there is no cache {alias!r} in CACHES "
                f"({', '.join(caches.settings)})."
            ) from error

    def _resolved(self, expression: Any, context: Any) -> Any:
        try:
            return expression.resolve(context)
        except VariableDoesNotExist as error:
            raise TemplateSyntaxError(
                f"{{% tagged_cache %}} got an unknown variable: {expression.var!r}"
            ) from error


def tagged_cache(parser: Any, token: Any) -> TaggedCacheNode:
    """``{% cache %}`` with tags::

        {% load cache_tags %}
        {% tagged_cache 500 sidebar request.user.pk tag="menu" tag=author.tag using="pages" %}
            …
        {% endtagged_cache %}

    Seconds, the fragment's name, what it varies on, all as in Django's; then ``tag=`` for each tag,
    ``tags=`` for a list of them, and ``using=``.
    """
    nodelist = parser.parse(("endtagged_cache",))
    parser.delete_first_token()
    name, *words = token.split_contents()
    named: dict[str, list[Any]] = {"tag": [], "tags": [], "using": []}
    while words and words[-1].partition("=")[0] in named and "=" in words[-1]:
        keyword, _, expression = words.pop().partition("=")
        named[keyword].insert(0, parser.compile_filter(expression))
    if len(words) < 2 or len(named["using"]) > 1 or not (named["tag"] or named["tags"]):
        raise TemplateSyntaxError(
            f"{{% {name} %}} takes seconds, a name, what it varies on, and at least one tag: "
            f'{{% {name} 500 sidebar user.pk tag="menu" %}}.'
        )
    timeout, fragment, *vary_on = words
    return TaggedCacheNode(
        nodelist,
        parser.compile_filter(timeout),
        fragment,
        [parser.compile_filter(each) for each in vary_on],
        named["tag"],
        named["tags"],
        named["using"][0] if named["using"] else None,
    )


register.tag("tagged_cache", tagged_cache)
