"""What a shop's file says of itself: which log it belongs to, its shape, and up to where it goes."""

from collections.abc import Iterable, Mapping

from footfall.identifiers import Generation, Position, ShopId
from footfall.log.port import Place, Stream
from footfall.order import ORDER_PREFIX
from footfall.projections.analytics.engine import Connection, rows, transaction
from footfall.projections.analytics.schema import SHAPE, TABLES, VIEWS
from footfall.projections.catalog import COLLECTION_PREFIX, PRODUCT_PREFIX
from footfall.projections.documents import Document

Ends = Mapping[Stream, Mapping[int, Position]]
"""Up to where each stream has been taken in, by partition."""


def prepare(connection: Connection, generation: Generation, ends: Ends) -> Mapping[Stream, dict[int, Position]] | None:
    """Make the tables where there are none; answers up to where they go, by stream and partition.

    ``None`` where the file belongs to another log, goes beyond its ``ends``, or has tables of another version: it must be made
    anew then.
    """
    if not rows(
        connection, "SELECT 1 FROM duckdb_schemas() WHERE schema_name = 'store' AND database_name = current_database()"
    ):
        with transaction(connection):
            connection.execute(TABLES)
            connection.execute(VIEWS)
            connection.execute("INSERT INTO store.facts VALUES ('generation', ?), ('shape', ?)", [generation, SHAPE])
        return {}
    facts = dict(rows(connection, "SELECT name, value FROM store.facts"))
    if facts != {"generation": generation, "shape": SHAPE}:
        return None
    saved: dict[Stream, dict[int, Position]] = {}
    for stream, part, position in rows(connection, "SELECT stream, part, position FROM store.positions"):
        saved.setdefault(Stream(stream), {})[part] = Position(position)
        if position > ends.get(Stream(stream), {}).get(part, 0):
            return None
    return saved


def save_ends(connection: Connection, ends: Ends) -> None:
    """Say up to where the file goes from now on; inside the transaction that made it so."""
    for stream, of in ends.items():
        for part, position in of.items():
            row = [position, stream.value, part]
            ((known,),) = rows(connection, "UPDATE store.positions SET position = ? WHERE stream = ? AND part = ?", row)
            if not known:
                connection.execute("INSERT INTO store.positions (position, stream, part) VALUES (?, ?, ?)", row)


def left_out(connection: Connection) -> int:
    """How many records a file lacks since they could not be taken in."""
    return int(rows(connection, "SELECT count(*) FROM store.left_out")[0][0])


def documents_of(shop: ShopId, documents: Iterable[tuple[Place, Document]]) -> list[tuple[Place, Document]]:
    """Those documents that analytics keeps of a shop: products, collections and orders."""
    prefixes = tuple(f"{prefix}{shop}/" for prefix in (PRODUCT_PREFIX, COLLECTION_PREFIX, ORDER_PREFIX))
    return [(place, document) for place, document in documents if document.key.startswith(prefixes)]
