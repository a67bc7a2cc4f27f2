"""The routes: `path("l/", include("magiclink.django.urls"))`, at the path of `base_url`.

`magiclink:page` is the page of the link that waits, `magiclink:sign-in` the one where anybody asks for a sign-in link.
"""

from __future__ import annotations

from django.urls import URLPattern, path, re_path

from .views import answer

app_name: str = "magiclink"

# Whatever follows, slashes, line feeds and nothing at all too, and without a group: what a group catches is told in
# error reports.
urlpatterns: list[URLPattern] = [
    path("", answer, name="page"),
    path("sign-in", answer, name="sign-in"),
    re_path("", answer),
]
