"""``jsonl``: one event a line, as recorded or as ``footfall export`` writes them."""

from collections.abc import Iterator

import msgspec

from footfall.cli.sources.columns import Fields
from footfall.cli.sources.opening import OpenFile
from footfall.cli.sources.row import Row
from footfall.limits import EVENT_BYTES_MAX

_BOM = b"\xef\xbb\xbf"


class JsonLines:
    """The source. Empty lines are no rows."""

    def __init__(self, file: OpenFile, fields: Fields) -> None:
        self._file = file
        self._fields = fields

    def fraction(self) -> float | None:
        return self._file.fraction()

    def close(self) -> None:
        self._file.close()

    def rows(self, skip: int = 0) -> Iterator[Row]:
        number = -1
        decode = msgspec.json.Decoder().decode
        for line, raw in enumerate(self._file.lines(), 1):
            if raw.isspace():
                continue
            number += 1
            if number < skip:
                continue
            size = len(raw)
            if size > EVENT_BYTES_MAX:
                yield Row(number, line, size, None, f"it has more than {EVENT_BYTES_MAX} bytes ({EVENT_BYTES_MAX // 1024} KB)")
                continue
            try:
                item = decode(raw.removeprefix(_BOM) if line == 1 else raw)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as failure:
                yield Row(number, line, size, None, f"it is not valid JSON: {failure}")
                continue
            if not isinstance(item, dict):
                yield Row(number, line, size, None, "it is no JSON object")
                continue
            yield Row(number, line, size, *self._fields.event(self._fields.renamed(item)))
