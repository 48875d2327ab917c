"""Pages for people: a template each, one style, nothing loaded from elsewhere."""

from __future__ import annotations

import html
import re
import secrets
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

from fastapi.responses import HTMLResponse

_PLACEHOLDER = re.compile(r"\{\{ *(\w+) *\}\}")


class Markup(str):
    """HTML that is known to be good; every other text is escaped."""

    __slots__ = ()


def markup(template: str, **values: str) -> Markup:
    """Fill values into a little HTML, escaped."""
    return Markup(template.format_map({name: html.escape(text) for name, text in values.items()}))


def join(pieces: Iterable[Markup]) -> Markup:
    """Put pieces of HTML one after another."""
    return Markup("".join(pieces))


def page(template: str, *, title: str, status: int = 200, **values: str) -> HTMLResponse:
    """Return a page: the template's content in the layout that all share."""
    # The style and the script of a page are the only ones that it may run, and no other
    # page may show it in a frame and have its buttons clicked.
    nonce = secrets.token_urlsafe(16)
    content = _fill(template, title=title, nonce=nonce, **values)
    text = _fill(
        "layout.html", title=title, nonce=nonce, style=Markup(_read("style.css")), content=content
    )
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; "
        "img-src data:; connect-src 'self'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    )
    headers = {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
    }
    return HTMLResponse(text, status_code=status, headers=headers)


def _fill(template: str, **values: str) -> Markup:
    def value(match: re.Match[str]) -> str:
        text = values[match.group(1)]
        return text if isinstance(text, Markup) else html.escape(text)

    return Markup(_PLACEHOLDER.sub(value, _read(template)))


@cache
def _read(name: str) -> str:
    return (files(__package__) / "templates" / name).read_text(encoding="utf-8")
