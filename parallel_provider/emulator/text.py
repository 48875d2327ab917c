"""Text as it can be sent on."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator


def require_unicode(text: str) -> str:
    """Refuse what JSON's escapes can spell and UTF-8 can't: nobody could ever be told of it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("Input should be valid Unicode") from None
    return text


Text = Annotated[str, AfterValidator(require_unicode)]
