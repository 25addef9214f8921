"""Making and changing shops: keys are made here, shown once, and kept as the semantics say."""

import re
from typing import Any, Final
from zoneinfo import available_timezones

import msgspec

from footfall.clock import Clock
from footfall.errors import AlreadyThereError, InputInvalidError, NotFoundError
from footfall.identifiers import PublicKey, SecretKey, ShopId, read_public_key, secret_key_hash
from footfall.limits import KEYS_PER_SHOP_MAX, SHOPS_MAX, WEBHOOK_SECRETS_MAX
from footfall.log.port import Log, Stream
from footfall.projections.documents import document_record
from footfall.projections.shops import Shop, Shops

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}", re.ASCII)
_DOMAIN: Final = re.compile(r"[a-z0-9][a-z0-9-]*\.myshopify\.com", re.ASCII)
_URL: Final = re.compile(r"https?://[^\s/]+(?:/\S*)?")

SETTINGS: Final = ("url", "domain", "currency", "timezone", "webhook_secret", "customer_reads")
"""Every setting of a shop, as ``footfall shop set`` takes them."""


class ShopBook:
    """The shops of this server, for the owner. All changes are durable on return."""

    def __init__(self, log: Log, shops: Shops, clock: Clock, random_hex: Any) -> None:
        self._log = log
        self._shops = shops
        self._clock = clock
        self._random_hex = random_hex

    async def create(
        self, name: str, *, public_key: str | None = None, settings: dict[str, str] | None = None
    ) -> tuple[Shop, SecretKey]:
        """A new shop and its secret key, which is not kept. Raises ``InputInvalidError`` or ``AlreadyThereError``."""
        if not _NAME.fullmatch(name):
            raise InputInvalidError(
                f"{name!r} can't be a shop's name: 1 to 63 of a-z, 0-9, dot, dash and underscore, such as `my-shop`."
            )
        if self._shops.by_name(name) is not None:
            raise AlreadyThereError(f"There is a shop {name!r} already. `footfall shop show {name}` shows it.")
        numbers = [shop.id for shop in self._shops.all()]
        if len(numbers) >= SHOPS_MAX:
            raise InputInvalidError(f"This server has {SHOPS_MAX} shops, and holds no more.")
        key = self._public_key(public_key)
        secret = SecretKey("ffs_" + self._random_hex(32))
        shop = Shop(
            id=ShopId(max(numbers, default=0) + 1),
            name=name,
            created_at=self._clock.now(),
            public_keys=[key],
            secret_hashes=[secret_key_hash(secret)],
            email_key=self._random_hex(32),
        )
        for setting, value in (settings or {}).items():
            shop = self._with(shop, setting, value)
        await self._store(shop)
        return shop, secret

    async def set(self, name: str, setting: str, value: str) -> Shop:
        """Change a setting; an empty value takes it away. Raises ``NotFoundError`` or ``InputInvalidError``."""
        shop = self._with(self.find(name), setting, value)
        await self._store(shop)
        return shop

    async def rotate(self, name: str, *, kind: str, keep_old: bool) -> tuple[Shop, str]:
        """A new ``public`` or ``secret`` key; the old ones of its kind go unless they are kept for a while."""
        shop = self.find(name)
        if kind == "public":
            key = str(self._public_key(None))
            keys = [PublicKey(key), *(shop.public_keys if keep_old else [])]
            shop = msgspec.structs.replace(shop, public_keys=keys[:KEYS_PER_SHOP_MAX])
        elif kind == "secret":
            key = "ffs_" + self._random_hex(32)
            hashes = [secret_key_hash(key), *(shop.secret_hashes if keep_old else [])]
            shop = msgspec.structs.replace(shop, secret_hashes=hashes[:KEYS_PER_SHOP_MAX])
        else:
            raise InputInvalidError(f"There is no {kind!r} key. Rotate `public` or `secret`.")
        await self._store(shop)
        return shop, key

    def find(self, name: str) -> Shop:
        """The shop of this name. Raises ``NotFoundError`` naming those there are."""
        shop = self._shops.by_name(name)
        if shop is None:
            names = [known.name for known in self._shops.all()][:20]
            there = f"There are: {', '.join(names)}." if names else f"Make it: `footfall shop create {name[:63]}`."
            raise NotFoundError(f"There is no shop {name[:63]!r}. {there}")
        return shop

    def _public_key(self, given: str | None) -> PublicKey:
        key = read_public_key(given if given is not None else self._random_hex(20))
        if key is None:
            raise InputInvalidError(f"{given!r} can't be a public key: it must be 40 hex digits.")
        if self._shops.by_public_key(key) is not None:
            raise AlreadyThereError("Another shop has this public key.")
        return key

    def _with(self, shop: Shop, setting: str, value: str) -> Shop:
        value = value.strip()
        replace = msgspec.structs.replace
        if setting == "url":
            if value and not _URL.fullmatch(value):
                raise _invalid(setting, value, "an address, such as https://shop.example")
            return replace(shop, url=value.rstrip("/") or None)
        if setting == "domain":
            domain = value.lower()
            if domain and not _DOMAIN.fullmatch(domain):
                raise _invalid(setting, value, "the shop's own domain at Shopify, such as my-shop.myshopify.com")
            other = next((s for s in self._shops.all() if domain and s.domain == domain and s.id != shop.id), None)
            if other is not None:
                raise AlreadyThereError(f"Shop {other.name!r} has the domain {domain} already.")
            return replace(shop, domain=domain or None)
        if setting == "currency":
            if not re.fullmatch(r"[A-Za-z]{3}", value):
                raise _invalid(setting, value, "three letters, such as EUR")
            return replace(shop, currency=value.upper())
        if setting == "timezone":
            if value not in available_timezones():
                raise _invalid(setting, value, "a name of the time zone database, such as Europe/Berlin")
            return replace(shop, timezone=value)
        if setting == "customer_reads":
            if value == "public":
                return replace(shop, customer_reads="public")
            if value == "secret":
                return replace(shop, customer_reads="secret")
            raise _invalid(setting, value, "public or secret")
        if setting == "webhook_secret":
            secrets = list(dict.fromkeys([value, *shop.webhook_secrets]))[:WEBHOOK_SECRETS_MAX] if value else []
            return replace(shop, webhook_secrets=secrets)
        raise InputInvalidError(f"There is no setting {setting!r}. There are: {', '.join(SETTINGS)}.")

    async def _store(self, shop: Shop) -> None:
        await self._log.append(Stream.DOCUMENTS, [document_record(shop.key, shop.value())])


def shown(shop: Shop) -> dict[str, Any]:
    """A shop as commands show it: without hashes, its email key, and the webhook secrets themselves."""
    return {
        "shop": shop.name,
        "public_key": shop.public_keys[0],
        "public_keys": list(shop.public_keys),
        "secret_keys": len(shop.secret_hashes),
        "url": shop.url,
        "domain": shop.domain,
        "currency": shop.currency,
        "timezone": shop.timezone,
        "customer_reads": shop.customer_reads,
        "webhook_secrets": len(shop.webhook_secrets),
        "created_at": shop.created_at,
    }


def _invalid(setting: str, value: str, wanted: str) -> InputInvalidError:
    return InputInvalidError(f"{setting} can't be {value[:80]!r}. It must be {wanted}.")
