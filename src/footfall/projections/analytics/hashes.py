"""Hashes: what stands for ids in a shop's file. Also for who asks about somebody, without the engine."""

import hashlib

from footfall.identifiers import CustomerId, ShopId, Uuid
from footfall.projections.identity import trail_of_customer, trail_of_uuid


class Hashes:
    """What stands for ids in a shop's file: 64 bits of BLAKE2b under the shop's own key (RFC 7693)."""

    def __init__(self, shop: ShopId, key: bytes) -> None:
        self._begun = hashlib.blake2b(f"{shop}\0".encode(), digest_size=8, key=key)

    def of(self, name: str) -> int:
        """The hash of a name, above 0."""
        hashing = self._begun.copy()
        hashing.update(name.encode("utf-8", "replace"))
        return int.from_bytes(hashing.digest(), "big") or 1

    def visitor(self, uuid: Uuid) -> int:
        """The hash of a visitor."""
        return self.of(trail_of_uuid(uuid))

    def customer(self, customer: CustomerId) -> int:
        """The hash of a customer."""
        return self.of(trail_of_customer(customer))
