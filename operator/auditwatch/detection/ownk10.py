"""Whose K10 an actor is: an activity is read once for all installed K10s, and matched for the one a watch names.

The account of another K10 is trusted no more than anybody's: exceptions for K10 itself would else let one installation
destroy the backups of the next.
"""

from __future__ import annotations

from typing import Final

import msgspec

from auditwatch.detection.scope import K10View
from auditwatch.events.activity import Activity

_SERVICE_ACCOUNT: Final = "ServiceAccount"
_ACCOUNTS: Final = "system:serviceaccount:"
"""Beginning of every name that a K10 acts under."""


def of_one_k10(activity: Activity, k10: K10View) -> Activity:
    """The activity as a watch of this K10 sees it: only the account of this one can be K10 itself.

    Suspicion stays: an account of any K10 that is used from elsewhere is a suspect to every watch.
    """
    actor = activity.actor
    account = actor.user or actor.name
    if actor.is_k10 is False or not account.startswith(_ACCOUNTS) or k10.is_k10_account(account):
        return activity
    kind = _SERVICE_ACCOUNT if actor.kind == "K10" else actor.kind
    return msgspec.structs.replace(activity, actor=msgspec.structs.replace(actor, is_k10=False, kind=kind))
