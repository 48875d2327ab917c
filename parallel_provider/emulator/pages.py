"""The pages for people: the overview at `/`, and the approval of a sign-in.

Each page has the same layout and style, and loads nothing from elsewhere. All that is shown is
escaped.
"""

from __future__ import annotations

from functools import cache
from html import escape
from importlib.resources import files
from urllib.parse import urlencode

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from .sign_in import VERIFICATION_PATH, Form
from .state import DeviceCode, ServerState, State, User

_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8'%3E"
    "%3Crect width='8' height='8' rx='1.5' fill='%23c2461f'/%3E%3C/svg%3E"
)

overview_router = APIRouter(include_in_schema=False)
approval_router = APIRouter(include_in_schema=False)


@overview_router.get("/")
async def show_overview() -> Response:
    """Show the overview. Its script asks for the state again and again."""
    return _page("Account API emulator", _read("overview.html"))


@approval_router.get(VERIFICATION_PATH)
async def show_approval(state: State, user_code: str = "") -> Response:
    """Show a sign-in and ask for a decision. Without a known code, ask for the code."""
    code = state.find_sign_in(user_code)
    if code is None:
        return _ask_for_code(user_code)
    name = escape(code.client_name)
    if code.decision == "approve":
        text = f"<h1>Signed in</h1><p>{name} is signed in. You can close this page.</p>"
        return _sheet("Signed in", text)
    if code.decision == "deny":
        return _sheet("Denied", f"<h1>Denied</h1><p>{name} has no access. You can close this page.")
    return _ask_for_decision(state, code)


@approval_router.post(VERIFICATION_PATH)
async def decide(state: State, form: Form) -> Response:
    """Take the decision, and show the result."""
    user_code = form.get("user_code", "")
    code = state.find_sign_in(user_code)
    # A second decision (from a second tab, or after the back button) changes nothing.
    if code is not None and code.decision is None:
        approves = form.get("decision") == "approve"
        user = state.user_at_sign_in(form.get("user_id"))
        code.decide("approve" if approves else "deny", user)
    query = urlencode({"user_code": user_code})
    return RedirectResponse(f"{VERIFICATION_PATH}?{query}", status_code=303)


def _ask_for_code(tried: str) -> Response:
    problem = '<p class="problem" role="alert">This code is unknown or has expired.</p>'
    return _sheet(
        "Sign in",
        f"""
<h1>Sign in</h1>
<p>Enter the code that your program shows.</p>
{problem if tried else ""}
<form method="get" action="{VERIFICATION_PATH}">
<label class="visually-hidden" for="user_code">Code</label>
<input class="code" id="user_code" name="user_code" value="{escape(tried)}" placeholder="XXXX-XXXX"
 autocomplete="off" autocapitalize="characters" spellcheck="false" required autofocus>
<div class="actions"><button class="primary">Continue</button></div>
</form>""",
        status=404 if tried else 200,
    )


def _ask_for_decision(state: ServerState, code: DeviceCode) -> Response:
    default = state.user_at_sign_in()
    users = "".join(
        f'<option value="{escape(user.user_id)}"{" selected" if user is default else ""}>'
        f"{escape(_name_of(user))}</option>"
        for organization in state.organizations
        for user in organization.users
    )
    scopes = "".join(f"<li><code>{scope}</code></li>" for scope in code.scopes)
    return _sheet(
        "Sign in",
        f"""
<h1><bdi>{escape(code.client_name)}</bdi> wants to sign in</h1>
<p>Approve only if your program shows this code:</p>
<p class="code">{code.user_code}</p>
<p>Its access tokens will have these scopes:</p>
<ul class="scopes">{scopes}</ul>
<form method="post" action="{VERIFICATION_PATH}">
<input type="hidden" name="user_code" value="{code.user_code}">
<label for="user_id">Organization</label>
<select id="user_id" name="user_id">{users}</select>
<div class="actions">
<button name="decision" value="deny">Deny</button>
<button class="primary" name="decision" value="approve">Approve</button>
</div>
</form>""",
    )


def _name_of(user: User) -> str:
    """Return the organization's name, and which user if it has several."""
    organization = user.organization
    if len(organization.users) == 1:
        return organization.org_name
    return f"{organization.org_name}: {user.user_email}, {user.role}"


def _sheet(title: str, content: str, status: int = 200) -> HTMLResponse:
    brand = '<p class="brand">Account API emulator</p>'
    return _page(title, f'<main class="sheet">{brand}{content}</main>', status)


def _page(title: str, content: str, status: int = 200) -> HTMLResponse:
    """Return a page: HTML in the layout that all pages share."""
    text = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="{_ICON}">
<title>{title}</title>
<style>{_read("style.css")}</style>
</head>
<body>{content}</body>
</html>"""
    return HTMLResponse(text, status_code=status, headers={"Cache-Control": "no-store"})


@cache
def _read(name: str) -> str:
    return (files(__package__) / "templates" / name).read_text(encoding="utf-8")
