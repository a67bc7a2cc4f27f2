"""The conversation's Reply as Django's response: its headers, its cookies, its page, and what is done after it."""

from __future__ import annotations

from http.cookies import Morsel
from typing import TYPE_CHECKING

from django.http import HttpRequest, HttpResponse
from django.http.response import ResponseHeaders
from django.template import TemplateDoesNotExist
from django.template.loader import get_template

from ..web.html import render

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..web.http import Page, Reply

TEMPLATE = "magiclink/page.html"
"""A template of the site that takes the place of the library's pages; its context has `page`."""


class Response(HttpResponse):
    """A Reply as Django's response; `after`, if it is set, is called once when it has been sent."""

    after: Callable[[], object] | None = None

    def __init__(self, request: HttpRequest, reply: Reply) -> None:
        body = "" if reply.page is None else _render(request, reply.page)
        super().__init__(body, status=reply.status, headers=dict(reply.headers))
        if request.method == "HEAD":
            # As for GET: a middleware that counts the bytes would write 0.
            self.headers["Content-Length"] = str(len(self.content))
            self.content = b""
        for cookie in reply.cookies:
            # Not by `set_cookie`, which would add an Expires, and quote an empty value.
            morsel: Morsel[str] = Morsel()
            morsel.set(cookie.name, cookie.value, cookie.value)
            morsel.update(cookie.attributes)
            self.cookies[cookie.name] = morsel
        self.headers: ResponseHeaders = _Headers(self.headers)
        keep_out_of_caches(request)

    @property
    def url(self) -> str:
        """Where the redirect leads; Django's test clients read it here."""
        return self.headers["Location"]

    def close(self) -> None:
        """Call `after` while the connections to the databases are still open."""
        after, self.after = self.after, None
        try:
            if after is not None:
                after()
        finally:
            super().close()


class _Headers(ResponseHeaders):
    """The headers of a reply. No middleware changes one that is there, or adds one that was left out on purpose.

    Others may be added: `Strict-Transport-Security` is the site's own affair. `Vary` needs no more: nothing is stored.
    """

    _fixed: frozenset[str] = frozenset()

    def __init__(self, data: ResponseHeaders) -> None:
        super().__init__(data)
        self._fixed = frozenset(map(str.lower, data)) | {"content-language", "content-security-policy-report-only"}

    def __setitem__(self, key: str, value: str | bytes | int) -> None:
        if key.lower() not in self._fixed:
            super().__setitem__(key, value)


def keep_out_of_caches(request: HttpRequest) -> None:
    """Keep the response to this request out of the site's own cache, which ignores `no-store`."""
    request._cache_update_cache = False  # type: ignore[attr-defined]


def _render(request: HttpRequest, page: Page) -> str:
    try:
        template = get_template(TEMPLATE)
    except TemplateDoesNotExist:
        return render(page)
    return template.render({"page": page}, request)
