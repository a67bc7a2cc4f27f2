"""The conversation's Reply as Flask's Response, and its page in the app's own template, where there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jinja2 import TemplateNotFound

from flask import Response, current_app, render_template

from ..web.html import render

if TYPE_CHECKING:
    from ..web.http import Page, Reply

TEMPLATE = "magiclink/page.html"
"""A template of the app's own that takes the place of the library's pages; it gets `page`."""


def make_response(reply: Reply) -> Response:
    """Return a reply as Flask's response, with its headers and cookies and no others."""
    cookies = [("Set-Cookie", cookie.to_header()) for cookie in reply.cookies]
    body = "" if reply.page is None else _render(reply.page)
    return Response(body, reply.status, [*reply.headers, *cookies])


def _render(page: Page) -> str:
    try:
        template = current_app.jinja_env.get_template(TEMPLATE)
    except TemplateNotFound:
        return render(page)
    return render_template(template, page=page)
