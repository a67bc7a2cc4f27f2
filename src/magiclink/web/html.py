"""A page as HTML: one whole document with the standard library alone, for every framework.

What may not happen here: text that isn't escaped, a script, an inline style attribute, anything loaded from elsewhere,
a form that submits itself. The one style is named to the browser by its hash, so that no other is applied.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .http import Button, Field, Page

STYLE = """
:root {
  color-scheme: light dark;
  --ground: #f3f5f8; --sheet: #ffffff; --edge: #d9dee6;
  --ink: #1b2430; --soft: #4a5665; --line: #77839a;
  --accent: #1a5fb4; --pressed: #134a8e; --on-accent: #ffffff;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #12161c; --sheet: #1b212a; --edge: #303945;
    --ink: #e9edf3; --soft: #b4bfcd; --line: #7f8b9c;
    --accent: #8fbcf5; --pressed: #b5d3fa; --on-accent: #0c1a2c;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0; padding: 1rem; background: var(--ground); color: var(--ink);
  font: 1.0625rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Helvetica Neue", Arial, sans-serif;
}
main {
  max-width: 34rem; margin: 0 auto; padding: 1.5rem 1.25rem 1.75rem;
  background: var(--sheet); border: 1px solid var(--edge); border-radius: 0.75rem; overflow-wrap: anywhere;
}
h1 { margin: 0 0 1rem; font-size: 1.5rem; line-height: 1.25; font-weight: 650; text-wrap: balance; }
p { margin: 0 0 0.875rem; color: var(--soft); text-wrap: pretty; }
h1 + p { color: var(--ink); }
form { margin: 1.5rem 0 0; }
main > :last-child { margin-bottom: 0; }
label { display: block; margin: 0 0 1rem; font-weight: 600; }
input, button { display: block; width: 100%; min-height: 3rem; border-radius: 0.5rem; font: inherit; }
input {
  margin-top: 0.375rem; padding: 0.5rem 0.875rem;
  background: var(--sheet); color: var(--ink); border: 1px solid var(--line);
}
button {
  padding: 0.625rem 1.5rem; border: 2px solid var(--accent);
  background: var(--sheet); color: var(--accent); font-weight: 600; line-height: 1.3; cursor: pointer;
}
button.main { background: var(--accent); color: var(--on-accent); }
button:hover, button:active { background: var(--pressed); border-color: var(--pressed); color: var(--on-accent); }
input:focus-visible, button:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; }
@media (min-width: 40rem) {
  body { padding: 4rem 1.5rem; }
  main { padding: 2.5rem 2.75rem 2.75rem; }
  h1 { font-size: 1.75rem; }
  button { width: auto; min-width: 12rem; }
}
@media print {
  body { padding: 0; background: none; color: #000000; }
  main { max-width: none; padding: 0; border: 0; background: none; }
  h1 + p, p { color: #000000; }
  form { display: none; }
}
"""

STYLE_HASH = f"sha256-{b64encode(sha256(STYLE.encode()).digest()).decode('ascii')}"
"""The hash of the style, for `style-src` (CSP 3, 2.3.1): `sha256-…`, without the quotes around it."""

_DOCUMENT = """\
<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<meta name="format-detection" content="telephone=no, date=no, address=no, email=no, url=no">
<title>{title}</title>
<style>{style}</style>
</head>
<body dir="auto">
<main data-page="{name}">
<h1>{title}</h1>
{content}
</main>
</body>
</html>
"""

_KINDS = {
    "email": 'type="email" autocomplete="email" inputmode="email" autocapitalize="none" spellcheck="false"',
    "password": 'type="password" autocomplete="current-password"',
    "text": 'type="text" autocomplete="off" autocapitalize="none" spellcheck="false"',
}
"""The attributes by which phones and password managers know what a field is for."""


def render(page: Page) -> str:
    """Return the whole document of a page; whatever its texts hold, they show as text."""
    paragraphs = [f"<p>{escape(paragraph)}</p>" for paragraph in page.paragraphs]
    return _DOCUMENT.format(
        language=escape(page.language),
        title=escape(page.title),
        style=STYLE,
        name=escape(page.name),
        content="\n".join([*paragraphs, *map(_render_form, page.buttons)]),
    )


def _render_form(button: Button) -> str:
    fields = [_render_field(field) for field in button.fields]
    main = ' class="main"' if button.is_main else ""
    opening = f'<form method="post" action="{escape(button.action)}" accept-charset="utf-8">'
    return "\n".join([opening, *fields, f'<button type="submit"{main}>{escape(button.label)}</button>', "</form>"])


def _render_field(field: Field) -> str:
    name, value = escape(field.name), escape(field.value)
    if field.kind == "hidden":
        return f'<input type="hidden" name="{name}" value="{value}">'
    return f'<label>{escape(field.label)} <input name="{name}" value="{value}" {_KINDS[field.kind]} required></label>'
