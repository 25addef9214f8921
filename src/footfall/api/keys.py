"""Whose request this is: the shop's public key from any of the places callers put it, or its secret key."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from footfall.api.exchange import Exchange, Refused
from footfall.projections.shops import Shop, Shops

KEY_HEADERS: Final = ("X-Rebuy-User-Token", "Footfall-Key", "Rebuy-Api-Key", "X-Rebuy-Api-Key")
"""Headers in which a public key may come."""
_KEY_HEADERS: Final = tuple(name.lower().encode() for name in KEY_HEADERS)


class Caller(NamedTuple):
    """A shop, and whether the request carries its secret key."""

    shop: Shop
    secret: bool


def find_caller(exchange: Exchange, parameters: Mapping[str, Any], shops: Shops) -> Caller:
    """The caller of a request. A secret key opens everything of its shop; a public one names the shop.

    Raises ``Refused``: 401 without a known key, 403 for a secret key that came from a page.
    """
    authorization = exchange.headers.get(b"authorization")
    if authorization is not None and authorization[:7].lower() == b"bearer ":
        return _with_secret(exchange, authorization[7:].strip().decode("latin-1"), shops)
    key = parameters.get("key")
    if not key:
        headers = exchange.headers
        for name in _KEY_HEADERS:
            if headers.get(name):
                key = headers[name].decode("latin-1")
                break
    if not key:
        raise Refused(
            401, "Missing key. Send the shop's public key as `key`, or in the header X-Rebuy-User-Token or Footfall-Key."
        )
    # In a JSON body it may be anything.
    shop = shops.by_public_key(key) if isinstance(key, str) else None
    if shop is None:
        if isinstance(key, str) and shops.by_secret_key(key) is not None:
            _with_secret(exchange, key, shops)
            raise Refused(401, "This is the secret key: a server sends it as `Authorization: Bearer …`, and a page never.")
        raise Refused(401, "Unknown key. `footfall shop list` shows the keys of this server.")
    return Caller(shop, secret=False)


def require_secret(exchange: Exchange, shops: Shops) -> Shop:
    """The shop whose secret key the request carries. Raises ``Refused`` (401, 403)."""
    authorization = exchange.headers.get(b"authorization", b"")
    if authorization[:7].lower() != b"bearer ":
        raise Refused(401, "This needs the shop's secret key: send it as `Authorization: Bearer …`.")
    key = authorization[7:].strip().decode("latin-1")
    if shops.by_public_key(key) is not None:
        raise Refused(
            401,
            "This is the public key, and this needs the shop's secret key: `footfall shop rotate-key NAME` makes a new one.",
        )
    return _with_secret(exchange, key, shops).shop


def _with_secret(exchange: Exchange, key: str, shops: Shops) -> Caller:
    shop = shops.by_secret_key(key)
    if shop is None and shops.by_public_key(key) is not None:
        raise Refused(
            401, "This is the public key: send it as `key`, or in the header Footfall-Key. Bearer is for the secret key."
        )
    if shop is None:
        raise Refused(401, "Unknown secret key. `footfall shop rotate-key` makes a new one.")
    if b"origin" in exchange.headers:
        raise Refused(
            403,
            "This secret key came from a web page, where everybody can read it. Take it out of the page and replace it: "
            "`footfall shop rotate-key NAME`. Pages use the public key.",
        )
    return Caller(shop, secret=True)
