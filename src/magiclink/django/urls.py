"""The routes: `path("l/", include("magiclink.django.urls"))`, at the path of `base_url`.

`magiclink:page` is the page of the pending link, `magiclink:sign-in` the one where anybody asks for a sign-in link.
"""

from __future__ import annotations

from django.urls import URLPattern, path, re_path

from .views import answer

app_name: str = "magiclink"

# The last one matches whatever follows, slashes and line feeds too. It has no group: error reports show what a group
# matches, here a token.
urlpatterns: list[URLPattern] = [
    path("", answer, name="page"),
    path("sign-in", answer, name="sign-in"),
    re_path("", answer),
]
