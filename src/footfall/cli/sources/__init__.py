"""Files of recorded events, read row by row as events on the wire. Nothing here decides whether an event is good."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from footfall.cli.sources.columns import Fields
from footfall.cli.sources.lines import JsonLines
from footfall.cli.sources.opening import OpenFile
from footfall.cli.sources.row import Row, Source
from footfall.cli.sources.tables import Csv, Rees46
from footfall.errors import InputInvalidError

__all__ = ["FORMATS", "Row", "Source", "open_source"]

FORMATS: Final = ("rees46", "csv", "jsonl", "parquet")


def open_source(path: Path, form: str, mapping: Mapping[str, str], constants: Mapping[str, str]) -> Source:
    """A file (``-`` is standard input) in one of ``FORMATS``; gzip is unpacked.

    ``mapping`` says which column stands for a field (``meta.<name>`` for one in ``meta``), ``constants`` sets fields in every
    row. Raises ``InputInvalidError`` where the file is in another format or lacks columns, ``OSError`` where it can't be read.
    """
    fields = Fields(mapping, constants)
    if form == "parquet":
        # DuckDB takes a quarter second to import: only who reads Parquet waits for it.
        from footfall.cli.sources.parquet import Parquet

        return Parquet(path, fields)
    file = OpenFile(path)
    try:
        if form == "rees46":
            file.require(form)
            if mapping:
                raise InputInvalidError("rees46 has its own columns. To map columns, use --format csv.")
            return Rees46(file, fields)
        if form == "csv":
            file.require(form, also=("rees46",) if mapping else ())
            return Csv(file, fields)
        file.require(form)
        return JsonLines(file, fields)
    except BaseException:
        file.close()
        raise
