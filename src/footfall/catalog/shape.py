"""Reading an object of a source field by field: what is there is checked and named when wrong, what is not is unknown."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from footfall.catalog.amount import AMOUNT
from footfall.errors import InputInvalidError
from footfall.identifiers import GidKind, read_id
from footfall.limits import CATALOG_TEXT_CHARACTERS_MAX

Value = TypeVar("Value")
_GID: Final = re.compile(r"gid://shopify/([A-Za-z]+)/([^?\s]+)")
_WORDS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}

decode_json: Final = msgspec.json.Decoder(float_hook=str).decode
"""JSON as the catalog and orders are read: amounts stay the decimal texts that they are. Raises ``msgspec.DecodeError``."""


class ShapeError(InputInvalidError):
    """An object that can't be read: which field is wrong, and what it should be."""


class Shape:
    """An object, and where it stands in its product or order (``variants[2]``). All methods raise ``ShapeError``.

    ``UNSET`` stands for a field that the source does not have, ``None`` for one that it has and that is empty.
    """

    def __init__(self, raw: object, where: str = "") -> None:
        if not isinstance(raw, Mapping):
            raise ShapeError(f"{where or 'It'} must be an object.")
        self._raw: Mapping[str, Any] = raw
        self._where = where

    def __contains__(self, name: str) -> bool:
        return name in self._raw

    def names(self) -> list[str]:
        """The fields that are there."""
        return list(self._raw)

    def only(self, *known: str) -> None:
        """Refuse fields that nobody reads: a misspelt one would be passed over in silence."""
        for name in self._raw:
            if name not in known:
                raise ShapeError(f"{self._path(str(name)[:60])} is not known here. Known are: {', '.join(known)}.")

    def wrong(self, name: str, wanted: str) -> ShapeError:
        """The error of a field."""
        value = repr(self._raw.get(name))
        shown = value if len(value) <= 60 else value[:59] + "…"
        return ShapeError(f"{self._path(name)} is {shown}; it must be {wanted}.")

    def value(self, *names: str) -> Any:
        """The first of these fields that is there, as it is."""
        for name in names:
            if name in self._raw:
                return self._raw[name]
        return UNSET

    def text(self, *names: str) -> str | UnsetType | None:
        """A text; a number stands for its digits, an empty text for ``None``."""
        return self._read(names, self._text)

    def id(self, kind: GidKind | str, *names: str) -> str | UnsetType | None:
        """An id: digits as text or number, or the number of a GraphQL id of this kind."""

        def read(name: str, value: Any) -> str | None:
            if isinstance(value, str):
                gid = _GID.fullmatch(value.strip())
                if gid is not None:
                    if gid[1] != kind:
                        raise self.wrong(name, f"the id of a {kind}")
                    return gid[2]
            found = None if value in ("", 0, "0") else read_id(value, "Product")
            if found is None and value not in ("", 0, "0"):
                raise self.wrong(name, f"the id of a {kind}")
            return found

        return self._read(names, read)

    def amount(self, *names: str) -> str | UnsetType | None:
        """A decimal amount."""

        def read(name: str, value: Any) -> str | None:
            text = self._text(name, value)
            if text is not None and not AMOUNT.fullmatch(text):
                raise self.wrong(name, "a decimal amount such as 19.90")
            return text

        return self._read(names, read)

    def whole(self, *names: str) -> int | UnsetType | None:
        """A whole number."""

        def read(name: str, value: Any) -> int | None:
            text = self._text(name, value)
            if text is None:
                return None
            digits = text.removesuffix(".0").removeprefix("-")
            if not (digits.isdigit() and digits.isascii()) or len(digits) > 15:
                raise self.wrong(name, "a whole number")
            return int(text.removesuffix(".0"))

        return self._read(names, read)

    def flag(self, *names: str) -> bool | UnsetType | None:
        """A yes or no."""

        def read(name: str, value: Any) -> bool | None:
            if isinstance(value, bool):
                return value
            word = str(value).strip().lower()
            if word in _WORDS:
                return _WORDS[word]
            if word:
                raise self.wrong(name, "true or false")
            return None

        return self._read(names, read)

    def items(self, *names: str) -> "list[Shape] | UnsetType":
        """The objects of a list."""
        for name in names:
            value = self._raw.get(name, UNSET)
            if isinstance(value, Mapping):
                value = _nodes(value)
            if value is None:
                return []
            if value is not UNSET:
                if not isinstance(value, list):
                    raise self.wrong(name, "a list")
                return [Shape(item, f"{self._path(name)}[{index}]") for index, item in enumerate(value)]
        return UNSET

    def inner(self, name: str) -> "Shape | None":
        """The object in a field, ``None`` where there is none."""
        value = self._raw.get(name)
        return Shape(value, self._path(name)) if value is not None else None

    def texts(self, *names: str) -> list[str] | UnsetType:
        """A list of texts, or one text in which commas part them."""
        for name in names:
            value = self._raw.get(name, UNSET)
            if value is None:
                return []
            if value is not UNSET:
                return list(self._split(name, value))
        return UNSET

    def _split(self, name: str, value: Any) -> Iterator[str]:
        parts = value.split(",") if isinstance(value, str) else value
        if not isinstance(parts, list):
            raise self.wrong(name, "a list of texts")
        for part in parts:
            text = self._text(name, part)
            if text is not None and text.strip():
                yield text.strip()

    def _read(self, names: tuple[str, ...], read: Callable[[str, Any], Value | None]) -> Value | UnsetType | None:
        for name in names:
            value = self._raw.get(name, UNSET)
            if value is not UNSET:
                return None if value is None else read(name, value)
        return UNSET

    def _text(self, name: str, value: Any) -> str | None:
        if isinstance(value, int | float) and not isinstance(value, bool):
            # The shortest text that means it; nothing is ever computed with a float.
            return repr(value)
        if not isinstance(value, str):
            raise self.wrong(name, "a text")
        if len(value) > CATALOG_TEXT_CHARACTERS_MAX:
            raise self.wrong(name, f"a text of at most {CATALOG_TEXT_CHARACTERS_MAX:,} characters")
        return value or None

    def _path(self, name: str) -> str:
        return f"{self._where}.{name}" if self._where else name


def _nodes(connection: Mapping[str, Any]) -> Any:
    """The nodes of a connection, as GraphQL answers it; what is none stays what it is."""
    if isinstance(connection.get("nodes"), list):
        return connection["nodes"]
    edges = connection.get("edges")
    if isinstance(edges, list):
        return [edge.get("node") if isinstance(edge, Mapping) else edge for edge in edges]
    return connection
