"""Who acted, from where and with which credential, as an incident keeps it: everybody once.

A name takes the place of a hint about the same activity, and of those who were only suspected of it. Lists are
bounded, and whoever fills them with hints or with names for one client keeps no better-known actor out.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import msgspec
from msgspec.structs import replace

from auditwatch.detection import texts
from auditwatch.detection.activity_fields import UNAUTHENTICATED
from auditwatch.events.activity import ATTRIBUTIONS, Activity, Actor, Attribution
from auditwatch.findings.state import (
    ACTORS,
    ADDRESSES,
    CLIENTS,
    CREDENTIALS,
    ActorSeen,
    ClientSeen,
    FindingState,
)

# Lengths of the API's fields (api/findingstatus.py).
ID: Final = 512
WORD: Final = 63
MANAGER: Final = 128
CREDENTIAL: Final = 128
NAME: Final = 253
ADDRESS: Final = 64
AGENT: Final = 256

REMEMBERED: Final = 256
"""Networks of addresses, which are slow to parse."""


def add_actors(state: FindingState, activity: Activity) -> bool:
    """Whether somebody is new, or acts from another network than before: what triage has not seen."""
    added = [_add_actor(state, seen) for seen in _actors(activity)]
    return any([*added, _add_client(state, _client(activity))])


def correct_actors(state: FindingState, former: Activity | None, activity: Activity) -> bool:
    """The same for an activity that was counted as ``former``; what that one said goes, unless it was known better."""
    seen, client = _actors(activity), _client(activity)
    before, client_before = (_actors(former), _client(former)) if former is not None else ((), None)
    if former is not None and _rank(activity.attribution) >= _rank(former.attribution):
        _forget_actors(state, [each for each in before if not _is_among(each, seen)])
        _forget_client(state, client_before if client_before != client else None)
    counted = [_add_actor(state, each, counts=not _is_among(each, before)) for each in seen]
    return any([*counted, _add_client(state, client, counts=client_before != client)])


def inherit_actors(state: FindingState, other: FindingState) -> bool:
    """Name whomever another incident names, and from where; whether one of them is new."""
    added = [_add_actor(state, seen, counts=False) for seen in other.actors]
    return any([*added, *[_add_client(state, seen, counts=False) for seen in other.clients]])


def rank(actor: ActorSeen) -> int:
    """How well an actor is known: the place of their attribution, 0 the worst."""
    return _rank(actor.attribution)


def _actors(activity: Activity) -> Sequence[ActorSeen]:
    """Whoever did it or, where that is not told apart, everybody who may have. Who left no trace is nobody."""
    found: list[ActorSeen] = []
    for actor in activity.suspects or (activity.actor,):
        seen = _seen(activity, actor)
        if (seen.id or seen.manager or seen.kind == UNAUTHENTICATED) and not _is_among(seen, found):
            found.append(seen)
    return found


def _seen(activity: Activity, actor: Actor) -> ActorSeen:
    """The address belongs to the request of the activity's own actor, and to no other suspect's."""
    address = _address(activity) if actor == activity.actor else ""
    credential = _told(actor.credential_id, CREDENTIAL)
    return ActorSeen(
        id=texts.shown(actor.id, ID),
        name=texts.shown(actor.name, ID),
        kind=texts.shown(actor.kind, WORD),
        via=texts.shown(actor.via, WORD),
        manager=texts.shown(actor.manager, MANAGER),
        impersonator=_impersonator(actor),
        attribution=_attribution(activity, actor),
        credential_ids=(credential,) if credential else (),
        client_ips=(address,) if address else (),
        pod=_told(actor.pod, NAME),
        node=_told(actor.node, NAME),
        time=activity.time,
        sightings=1,
    )


def _attribution(activity: Activity, actor: Actor) -> Attribution:
    if actor.id or actor.kind == UNAUTHENTICATED:
        return activity.attribution
    return min(activity.attribution, "FieldManager", key=ATTRIBUTIONS.index)


def _impersonator(actor: Actor) -> str:
    found = actor.impersonator
    return "" if found is None or isinstance(found, msgspec.UnsetType) else texts.shown(found.id or found.name, ID)


def _told(value: str | msgspec.UnsetType | None, limit: int) -> str:
    return texts.shown(value, limit) if isinstance(value, str) else ""


def _address(activity: Activity) -> str:
    client = activity.client
    return "" if isinstance(client, msgspec.UnsetType) else texts.shown(client.ip, ADDRESS)


def _client(activity: Activity) -> ClientSeen | None:
    client = activity.client
    if isinstance(client, msgspec.UnsetType) or not (client.ip or client.agent):
        return None
    return ClientSeen(ip=_address(activity), agent=texts.shown(client.agent, AGENT), sightings=1)


def _add_actor(state: FindingState, seen: ActorSeen, *, counts: bool = True) -> bool:
    """Whether this is somebody new. The same field manager under no name is the same unknown actor."""
    for index, known in enumerate(state.actors):
        if _is_same(known, seen):
            state.actors[index] = _merged(state, known, seen, counts=counts)
            return False
    if len(state.actors) >= ACTORS:
        state.actors_cut += 1
        weakest = min(reversed(state.actors), key=rank)
        if rank(weakest) >= rank(seen):
            return True
        state.actors.remove(weakest)
    state.actors.append(seen)
    return True


def _merged(state: FindingState, known: ActorSeen, seen: ActorSeen, *, counts: bool) -> ActorSeen:
    credentials = tuple(dict.fromkeys((*known.credential_ids, *seen.credential_ids)))
    state.credentials_cut += len(credentials[CREDENTIALS:])
    return replace(
        known,
        name=known.name or seen.name,
        kind=seen.kind or known.kind,
        attribution=max(known.attribution, seen.attribution, key=_rank),
        credential_ids=credentials[:CREDENTIALS],
        client_ips=tuple(dict.fromkeys((*known.client_ips, *seen.client_ips)))[:ADDRESSES],
        pod=seen.pod or known.pod,
        node=seen.node or known.node,
        sightings=known.sightings + 1 if counts and known.sightings else known.sightings,
    )


def _forget_actors(state: FindingState, gone: Sequence[ActorSeen]) -> None:
    """Take one sighting of each away; whoever is named by nothing else goes."""
    for each in gone:
        for index, known in enumerate(state.actors):
            if _is_same(known, each) and known.sightings:
                state.actors[index] = replace(known, sightings=known.sightings - 1)
                if known.sightings == 1:
                    del state.actors[index]
                break


def _add_client(state: FindingState, seen: ClientSeen | None, *, counts: bool = True) -> bool:
    """Whether this is another network than the ones that are listed."""
    if seen is None:
        return False
    for index, known in enumerate(state.clients):
        if _is_same_client(known, seen):
            more = 1 if counts and known.sightings else 0
            state.clients[index] = replace(known, sightings=known.sightings + more)
            return False
    is_new = bool(state.clients) and network(seen.ip) not in {network(known.ip) for known in state.clients}
    if len(state.clients) >= CLIENTS:
        state.clients_cut += 1
        spare = _spare(state.clients, seen)
        if spare is None:
            return is_new
        state.clients.remove(spare)
    state.clients.append(seen)
    return is_new


def _spare(clients: Sequence[ClientSeen], seen: ClientSeen) -> ClientSeen | None:
    """Who makes room for an address that is not listed: the last whose address is listed twice."""
    addresses = [client.ip for client in clients]
    if seen.ip in addresses:
        return None
    return next((client for client in reversed(clients) if addresses.count(client.ip) > 1), None)


def _forget_client(state: FindingState, gone: ClientSeen | None) -> None:
    for index, known in enumerate(state.clients):
        if gone is not None and _is_same_client(known, gone) and known.sightings:
            state.clients[index] = replace(known, sightings=known.sightings - 1)
            if known.sightings == 1:
                del state.clients[index]
            return


def network(address: str) -> str:
    """The network an address counts to: a client that is given another address nearby is no other one."""
    return _network(address)


@lru_cache(REMEMBERED)
def _network(address: str) -> str:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    found = getattr(found, "ipv4_mapped", None) or found
    return str(ipaddress.ip_network((found, 24 if found.version == 4 else 64), strict=False))


def _is_among(seen: ActorSeen, others: Sequence[ActorSeen]) -> bool:
    return any(_is_same(each, seen) for each in others)


def _is_same(one: ActorSeen, other: ActorSeen) -> bool:
    return _identity(one) == _identity(other)


def _identity(actor: ActorSeen) -> tuple[str, ...]:
    if actor.id:
        return actor.id, actor.via, actor.impersonator
    return ("", UNAUTHENTICATED) if actor.kind == UNAUTHENTICATED else ("", "", actor.manager)


def _is_same_client(one: ClientSeen, other: ClientSeen) -> bool:
    return (one.ip, one.agent) == (other.ip, other.agent)


def _rank(attribution: Attribution) -> int:
    return ATTRIBUTIONS.index(attribution)
