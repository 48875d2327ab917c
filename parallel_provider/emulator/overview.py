"""The page at `/`: what the emulator holds and what is asked of it, as it changes."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response

from .pages import page
from .sign_in import VERIFICATION_PATH

router = APIRouter(include_in_schema=False)


@router.get("/")
async def overview() -> Response:
    """Show the page; its script asks for the state again and again."""
    return page("overview.html", title="Account API emulator", verification_path=VERIFICATION_PATH)
