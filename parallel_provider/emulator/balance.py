"""The prepaid balance: `GET /service/v1/balance`, `POST /service/v1/balance/add`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException
from pydantic import BaseModel, BeforeValidator, Field

from .control_models import ChargeState, Text
from .refusals import allowed_to
from .state import Organization, State, User

# The API promises to remember a key for at least this long. The emulator forgets it right after,
# so that tests find programs that rely on more.
_IDEMPOTENCY_SECONDS = 24 * 3600


def _refuse_text(value: object) -> object:
    """Refuse `"2000"` and `true`, which pydantic would convert to numbers."""
    if isinstance(value, (str, bool)):
        raise ValueError("Input should be a valid integer")
    return value


class BalanceResponse(BaseModel):
    """The organization's balance. It is 0 for an organization that pays by invoice."""

    org_id: str
    credit_balance_cents: float
    pending_debit_balance_cents: float
    will_invoice: bool


class AddBalanceRequest(BaseModel):
    """Body of a request for a charge. One key is charged once."""

    amount_cents: Annotated[int, Field(gt=0, le=10_000), BeforeValidator(_refuse_text)]
    idempotency_key: Text = Field(min_length=8, max_length=128)


router = APIRouter(prefix="/service/v1/balance", tags=["Balance"])


@router.get("")
async def get_balance(
    caller: Annotated[User, Depends(allowed_to("balance:read"))],
) -> BalanceResponse:
    """Return the balance."""
    return _balance(caller.organization)


@router.post("/add")
async def add_balance(
    caller: Annotated[User, Depends(allowed_to("balance:add"))],
    state: State,
    request: AddBalanceRequest,
) -> BalanceResponse:
    """Charge the organization's card, once for each idempotency key."""
    organization, now = caller.organization, state.now()
    # This comes first also for a charge that is sent again: its refusal doesn't mean that nothing
    # was charged before.
    if organization.will_invoice:
        raise HTTPException(400, "This organization pays by invoice: its balance can't be added to")
    if not organization.has_payment_method:
        raise HTTPException(402, "Payment required: this organization has no payment method")
    if not _already_charged(organization, request, now):
        charge = ChargeState(
            amount_cents=request.amount_cents, idempotency_key=request.idempotency_key, at=now
        )
        organization.charges.append(charge)
        organization.credit_balance_cents += request.amount_cents
    return _balance(organization)


def _already_charged(organization: Organization, request: AddBalanceRequest, now: float) -> bool:
    for charge in organization.charges:
        is_remembered = now - charge["at"] <= _IDEMPOTENCY_SECONDS
        if is_remembered and charge["idempotency_key"] == request.idempotency_key:
            if charge["amount_cents"] != request.amount_cents:
                raise HTTPException(409, "This idempotency_key was used for another amount_cents")
            return True
    return False


def _balance(organization: Organization) -> BalanceResponse:
    invoiced = organization.will_invoice
    return BalanceResponse(
        org_id=organization.org_id,
        credit_balance_cents=0 if invoiced else organization.credit_balance_cents,
        pending_debit_balance_cents=0 if invoiced else organization.pending_debit_balance_cents,
        will_invoice=invoiced,
    )
