"""Signing in, for people: the page at `verification_uri` shows who asks for what.

The answer is a form post that only this page can have led to: `guard.py` refuses other origins,
and the form carries a proof that whoever posts it has read the page.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from urllib.parse import urlencode

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response

from .device_code import DeviceCode
from .oauth import Form
from .pages import Markup, join, markup, page
from .sign_in import PREFIX, VERIFICATION_PATH
from .state import EmulatorState, State

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

router = APIRouter(prefix=PREFIX, include_in_schema=False)

_proof_key = secrets.token_bytes(32)


@router.get("/device")
async def show(state: State, user_code: str = "") -> Response:
    """Show a sign-in and ask for a decision, or ask for its code first."""
    code = state.sign_ins.find(user_code)
    if code is None:
        return _ask_for_code(user_code)
    if code.decision == "approve":
        return _tell("Signed in", f"{code.client.client_name} may go on. You can close this page.")
    if code.decision == "deny":
        return _tell("Denied", f"{code.client.client_name} gets nothing. You can close this page.")
    return _ask_for_decision(state, code)


@router.post("/device")
async def decide(state: State, form: Form) -> Response:
    """Take the decision, and show what became of it."""
    code = state.sign_ins.find(form.get("user_code"))
    if code is None:
        return _ask_for_code(form.get("user_code"))
    if not hmac.compare_digest(form.get("proof").encode(), _proof(code).encode()):
        return _tell("Try again", "This form wasn't made by this page.", status=403)
    # Whoever decides twice (a second tab, the back button) finds what was decided first.
    if code.decision is None and form.get("decision") == "approve":
        code.approve(state.find_organization(form.get("org_id")) or state.organization)
    elif code.decision is None:
        code.deny()
    query = urlencode({"user_code": code.user_code})
    return RedirectResponse(f"{VERIFICATION_PATH}?{query}", status_code=303)


def _proof(code: DeviceCode) -> str:
    return hmac.new(_proof_key, code.device_code.encode(), hashlib.sha256).hexdigest()


def _ask_for_code(tried: str) -> Response:
    problem = markup('<p class="problem" role="alert">This code is unknown or has expired.</p>')
    return page(
        "ask_code.html",
        title="Sign in",
        status=404 if tried else 200,
        problem=problem if tried else Markup(""),
        action=VERIFICATION_PATH,
        user_code=tried,
    )


def _ask_for_decision(state: EmulatorState, code: DeviceCode) -> Response:
    choices = join(
        markup(
            '<option value="{org_id}">{org_name}</option>',
            org_id=organization.org_id,
            org_name=organization.org_name,
        )
        for organization in state.organizations
    )
    return page(
        "decide.html",
        title="Sign in",
        client_name=code.client.client_name,
        user_code=code.user_code,
        action=VERIFICATION_PATH,
        proof=_proof(code),
        organizations=choices,
        scopes=join(
            markup(
                "<li><span>{text}</span><code>{scope}</code></li>",
                text=_SCOPE_TEXTS[scope],
                scope=scope,
            )
            for scope in code.scopes
        ),
    )


def _tell(title: str, message: str, status: int = 200) -> Response:
    return page("message.html", title=title, status=status, message=message)
