"""Shops: every tenant with its keys and settings, in memory, as its latest document says."""

from collections.abc import Iterable
from typing import Any, Literal

import msgspec

from footfall.clock import Milliseconds
from footfall.identifiers import PublicKey, ShopId, secret_key_hash
from footfall.log.port import Group, Stream
from footfall.projections.documents import Document, Documents

PREFIX = "shop/"


class Shop(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant. ``email_key`` (hex) is the key under which its emails are hashed; secret keys are kept as hashes."""

    id: ShopId
    name: str
    created_at: Milliseconds
    public_keys: list[PublicKey]
    secret_hashes: list[str]
    email_key: str
    url: str | None = None
    domain: str | None = None
    currency: str = "USD"
    timezone: str = "UTC"
    webhook_secrets: list[str] = []
    customer_reads: Literal["public", "secret"] = "public"

    @property
    def key(self) -> str:
        """The key of its document."""
        return f"{PREFIX}{self.id}"

    def value(self) -> dict[str, Any]:
        """The value of its document."""
        built: dict[str, Any] = msgspec.to_builtins(self)
        return built


class Shops:
    """All shops, by public key, secret key, name and domain."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._by_id: dict[ShopId, Shop] = {}
        self._by_public_key: dict[str, Shop] = {}
        self._by_secret_hash: dict[str, Shop] = {}
        self._by_domain: dict[str, Shop] = {}

    def load(self) -> None:
        """Read every shop, once the documents are up."""
        self._by_id = {}
        for value in self._documents.under(PREFIX).values():
            shop = msgspec.convert(value, Shop)
            self._by_id[shop.id] = shop
        self._index()

    def follow(self, group: Group) -> None:
        """Take in shops that were made or changed."""
        if group.stream is not Stream.DOCUMENTS:
            return
        changed = False
        for record in group.records:
            document: Document = record.decoded
            if document.key.startswith(PREFIX):
                changed = True
                if document.is_deleted:
                    self._by_id.pop(ShopId(int(document.key[len(PREFIX) :])), None)
                else:
                    shop = msgspec.json.decode(document.value, type=Shop)
                    self._by_id[shop.id] = shop
        if changed:
            self._index()

    def _index(self) -> None:
        shops = self._by_id.values()
        self._by_public_key = {key: shop for shop in shops for key in shop.public_keys}
        self._by_secret_hash = {hashed: shop for shop in shops for hashed in shop.secret_hashes}
        self._by_domain = {shop.domain: shop for shop in shops if shop.domain is not None}

    def by_public_key(self, key: str) -> Shop | None:
        """The shop with this public key; upper case counts as lower."""
        return self._by_public_key.get(key) or self._by_public_key.get(key.strip().lower())

    def by_secret_key(self, key: str) -> Shop | None:
        """The shop with this secret key. A look-up of its hash: nothing about the key shows in how long it takes."""
        return self._by_secret_hash.get(secret_key_hash(key))

    def by_domain(self, domain: str) -> Shop | None:
        """The shop with this domain at Shopify."""
        return self._by_domain.get(domain.strip().lower())

    def by_name(self, name: str) -> Shop | None:
        """The shop of this name."""
        return next((shop for shop in self._by_id.values() if shop.name == name), None)

    def by_id(self, shop: ShopId) -> Shop | None:
        """The shop with this number."""
        return self._by_id.get(shop)

    def all(self) -> Iterable[Shop]:
        """Every shop, by number."""
        return [self._by_id[number] for number in sorted(self._by_id)]
