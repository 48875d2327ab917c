"""The pages for people: the overview at `/`, and the approval of a sign-in.

Each page is a template in the same layout and style, and loads nothing from elsewhere. Only the
approval page can lead to a decision: `security.py` refuses posts from other origins, and the form
has a proof that its sender has read the page.
"""

from __future__ import annotations

import hashlib
import hmac
import html
import re
import secrets
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from urllib.parse import urlencode

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from .oauth import DeviceCode
from .organization import User
from .sign_in import VERIFICATION_PATH, Form
from .state import ServerState, State

_SCOPE_TEXTS = {
    "keys:read": "See API keys",
    "keys:create": "Create API keys",
    "keys:delete": "Revoke API keys",
    "apps:read": "See apps",
    "apps:create": "Create apps",
    "apps:delete": "Delete apps",
    "balance:read": "See the balance",
    "balance:add": "Charge your card to add balance",
}

_PLACEHOLDER = re.compile(r"\{\{ *(\w+) *\}\}")

overview_router = APIRouter(include_in_schema=False)
approval_router = APIRouter(include_in_schema=False)

_proof_key = secrets.token_bytes(32)


@overview_router.get("/")
async def show_overview() -> Response:
    """Show the overview. Its script asks for the state again and again."""
    return _page("overview.html", title="Account API emulator", verification_path=VERIFICATION_PATH)


@approval_router.get(VERIFICATION_PATH)
async def show_approval(state: State, user_code: str = "") -> Response:
    """Show a sign-in and ask for a decision. Without a known code, ask for the code."""
    code = state.sign_ins.find(user_code)
    if code is None:
        return _ask_for_code(user_code)
    name = code.client.client_name
    if code.decision == "approve":
        return _message("Signed in", f"{name} is signed in. You can close this page.")
    if code.decision == "deny":
        return _message("Denied", f"{name} has no access. You can close this page.")
    return _ask_for_decision(state, code)


@approval_router.post(VERIFICATION_PATH)
async def decide(state: State, form: Form) -> Response:
    """Take the decision, and show the result."""
    code = state.sign_ins.find(form.get("user_code"))
    if code is None:
        return _ask_for_code(form.get("user_code"))
    if not hmac.compare_digest(form.get("proof").encode(), _proof(code).encode()):
        return _message("Try again", "This form doesn't come from this page.", status=403)
    # A second decision (from a second tab, or after the back button) changes nothing.
    user = state.user_at_sign_in(form.get("user_id"))
    if code.decision is None and form.get("decision") == "approve" and user:
        code.approve(user)
    elif code.decision is None:
        code.deny()
    query = urlencode({"user_code": code.user_code})
    return RedirectResponse(f"{VERIFICATION_PATH}?{query}", status_code=303)


def _proof(code: DeviceCode) -> str:
    return hmac.new(_proof_key, code.device_code.encode(), hashlib.sha256).hexdigest()


def _ask_for_code(tried: str) -> Response:
    problem = _markup('<p class="problem" role="alert">This code is unknown or has expired.</p>')
    return _page(
        "ask_code.html",
        title="Sign in",
        status=404 if tried else 200,
        problem=problem if tried else Markup(""),
        action=VERIFICATION_PATH,
        user_code=tried,
    )


def _ask_for_decision(state: ServerState, code: DeviceCode) -> Response:
    default = state.user_at_sign_in()
    users = _join(
        _markup(
            '<option value="{user_id}"'
            + (" selected" if user is default else "")
            + ">{name}</option>",
            user_id=user.user_id,
            name=_name_of(user),
        )
        for organization in state.organizations
        for user in organization.users
    )
    scopes = _join(
        _markup(
            "<li><span>{text}</span><code>{scope}</code></li>",
            text=_SCOPE_TEXTS[scope],
            scope=scope,
        )
        for scope in code.scopes
    )
    return _page(
        "decide.html",
        title="Sign in",
        client_name=code.client.client_name,
        user_code=code.user_code,
        action=VERIFICATION_PATH,
        proof=_proof(code),
        users=users,
        scopes=scopes,
    )


def _name_of(user: User) -> str:
    """Return the organization's name, and which user if it has several."""
    organization = user.organization
    if len(organization.users) == 1:
        return organization.org_name
    return f"{organization.org_name}: {user.user_email}, {user.role}"


def _message(title: str, message: str, status: int = 200) -> Response:
    return _page("message.html", title=title, status=status, message=message)


class Markup(str):
    """HTML that isn't escaped when it is put into a page; all other text is."""

    __slots__ = ()


def _markup(template: str, **values: str) -> Markup:
    """Put escaped values into a piece of HTML."""
    return Markup(template.format_map({name: html.escape(text) for name, text in values.items()}))


def _join(pieces: Iterable[Markup]) -> Markup:
    return Markup("".join(pieces))


def _page(template: str, *, title: str, status: int = 200, **values: str) -> HTMLResponse:
    """Return a page: the template in the layout that all pages share."""
    # Only the page's own style and script may run, and no other page may show it in a frame and
    # make a person click its buttons.
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
