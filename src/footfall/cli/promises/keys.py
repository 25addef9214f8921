"""Promises about keys: every place in which callers put them, and what happens with a wrong one."""

from typing import Final

from footfall.cli.promises.promise import FROM_PAGE, JSON, TOKEN, V1, V2, VIEWED, Group, Visitor, encoded, names_are

GROUP: Final = Group("keys")
_UNKNOWN: Final = "f" * 40


def _is_read_by(visitor: Visitor, header: str) -> None:
    """A view is received and read back with the key in this header alone."""
    seen = visitor.products[0]
    key = {header: visitor.host.key}
    visitor.host.ask("POST", V2, headers={**key, **JSON}, body=encoded(visitor.event(seen))).is_received()
    names_are(visitor.host.ask("GET", VIEWED, query=visitor.asked(uuid=visitor.uuid), headers=key), [seen])


@GROUP.ours
def key_in_token(visitor: Visitor) -> None:
    """The key in X-Rebuy-User-Token, for reads too."""
    _is_read_by(visitor, TOKEN)


@GROUP.ours
def key_in_footfall_key(visitor: Visitor) -> None:
    """The key in Footfall-Key, for events and reads."""
    _is_read_by(visitor, "Footfall-Key")


@GROUP.ours
def key_in_api_key(visitor: Visitor) -> None:
    """The key in Rebuy-Api-Key, for events and reads."""
    _is_read_by(visitor, "Rebuy-Api-Key")


@GROUP.ours
def key_in_x_api_key(visitor: Visitor) -> None:
    """The key in X-Rebuy-Api-Key, for events and reads."""
    _is_read_by(visitor, "X-Rebuy-Api-Key")


@GROUP.ours
def key_in_body(visitor: Visitor) -> None:
    """The key in the body of a v2 event and of a posted read."""
    seen = visitor.products[0]
    key = {"key": visitor.host.key}
    visitor.host.ask("POST", V2, headers=JSON, body=encoded({**visitor.event(seen), **key})).is_received()
    asked = encoded({**visitor.asked(uuid=visitor.uuid), **key})
    names_are(visitor.host.ask("POST", VIEWED, headers=JSON, body=asked), [seen])


@GROUP.ours
def key_missing(visitor: Visitor) -> None:
    """Without a key: 401, and the error says where it goes."""
    visitor.host.ask("GET", V1, query=visitor.view(visitor.products[0])).is_refused(401, "key")
    visitor.host.ask("GET", VIEWED, query={"uuid": visitor.uuid}).is_refused(401, "key")


@GROUP.ours
def key_unknown(visitor: Visitor) -> None:
    """With a key that nobody has: 401."""
    visitor.host.ask("GET", VIEWED, query={"uuid": visitor.uuid, "key": _UNKNOWN}).is_refused(401, "key")
    body = encoded(visitor.event(visitor.products[0]))
    visitor.host.ask("POST", V2, headers={TOKEN: _UNKNOWN, **JSON}, body=body).is_refused(401, "key")


@GROUP.needing("secret")
def secret_key(visitor: Visitor) -> None:
    """A server sends and reads with the secret key alone, as Authorization: Bearer."""
    seen = visitor.products[0]
    visitor.host.ask("POST", V2, headers={**visitor.bearer, **JSON}, body=encoded(visitor.event(seen))).is_received()
    names_are(visitor.host.ask("GET", VIEWED, query=visitor.asked(uuid=visitor.uuid), headers=visitor.bearer), [seen])


@GROUP.needing("secret")
def secret_key_from_page(visitor: Visitor) -> None:
    """A secret key that comes from a page is refused with 403 and the advice to replace it."""
    answer = visitor.host.ask("GET", VIEWED, query={"uuid": visitor.uuid}, headers={**visitor.bearer, **FROM_PAGE})
    answer.is_refused(403, "replace")
