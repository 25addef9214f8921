"""A Bloom filter over digests: most event ids are new, and for those it spares eight look-ups in tables.

After B. H. Bloom, "Space/time trade-offs in hash coding with allowable errors" (1970): k = 4 places at 12 bits a digest give
about 0.7 % false positives, which cost a look-up and nothing else. Digests are uniform, so their own bytes are the hashes.
"""

from collections.abc import Iterable
from typing import Final

_BITS_PER_DIGEST: Final = 12
_FIRST_CAPACITY: Final = 1 << 20
_GROWTH: Final = 8


class BloomFilter:
    """Grows by adding larger parts: 1.5 MB for the first million digests, 12 MB for the next eight, …"""

    def __init__(self) -> None:
        self._parts: list[tuple[bytearray, int]] = []
        self._room = 0
        self._capacity = _FIRST_CAPACITY
        self._grow()

    def __contains__(self, digest: bytes) -> bool:
        """``False``: certainly never added. ``True``: probably added."""
        word = int.from_bytes(digest, "little")
        for bits, mask in self._parts:
            first = word & mask
            if not bits[first >> 3] >> (first & 7) & 1:
                continue
            second, third, fourth = word >> 32 & mask, word >> 64 & mask, word >> 96 & mask
            if (
                bits[second >> 3] >> (second & 7) & 1
                and bits[third >> 3] >> (third & 7) & 1
                and bits[fourth >> 3] >> (fourth & 7) & 1
            ):
                return True
        return False

    def add(self, digest: bytes) -> None:
        """Add a digest of 16 bytes."""
        if self._room == 0:
            self._capacity *= _GROWTH
            self._grow()
        self._room -= 1
        bits, mask = self._parts[-1]
        word = int.from_bytes(digest, "little")
        for place in (word & mask, word >> 32 & mask, word >> 64 & mask, word >> 96 & mask):
            bits[place >> 3] |= 1 << (place & 7)

    def update(self, digests: Iterable[bytes]) -> None:
        """Add many."""
        for digest in digests:
            self.add(digest)

    def _grow(self) -> None:
        bits = 1 << (self._capacity * _BITS_PER_DIGEST - 1).bit_length()
        # 32 bits of the digest choose a place, so a part has at most 2^32 of them (512 MB).
        bits = min(bits, 1 << 32)
        self._parts.append((bytearray(bits // 8), bits - 1))
        self._room = self._capacity
