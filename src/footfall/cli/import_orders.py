"""``footfall import --format shopify-orders``: past orders into a shop; may be broken off and run again at any time."""

import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from footfall.cli.owner import Owner, give_way, open_owner
from footfall.cli.show import counted, note, plain, print_json, progress
from footfall.cli.sources.opening import OpenFile
from footfall.errors import FootfallError, InputInvalidError
from footfall.intake.order_files import ORDER_TABLE, ORDERS_WANTED, Item, OrderFile, looks_instead, read_order
from footfall.limits import CATALOG_CHUNK_BYTES_MAX, IMPORT_REASONS_SHOWN_MAX, ORDER_BATCH_MAX
from footfall.order import Order

SHOPIFY_ORDERS: Final = "shopify-orders"
_CATALOG: Final = " `footfall catalog import` reads products."
_ADVICE: Final = {
    "products": _CATALOG,
    "a product CSV": _CATALOG,
    "events": " Events are read by --format jsonl.",
}
"""What a file looks like → what reads it."""


@dataclass
class Tally:
    """What an import did to a shop's orders. ``rejected`` ones are told with their line and reason, the first of them."""

    shop: str
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    seconds: float = 0.0
    reasons: list[dict[str, Any]] = field(default_factory=list)

    @property
    def done(self) -> int:
        """Orders that are stored now."""
        return self.created + self.updated + self.unchanged

    def reject(self, line: int, error: str) -> None:
        self.rejected += 1
        if len(self.reasons) < IMPORT_REASONS_SHOWN_MAX:
            self.reasons.append({"line": line, "error": error})
            note(f"line {line}: {error}")


def import_orders(file: Path, shop: str, data: Path | None, *, as_json: bool) -> None:
    """Put the orders of a file into a shop, and say what became of them."""
    tally = Tally(shop)
    started = time.monotonic()
    opened = OpenFile(file)
    try:
        _require_orders(opened)
        orders = OrderFile(opened)
        with open_owner(data) as owner:
            if owner.serves:
                give_way()
            _import(owner, orders, tally)
    except KeyboardInterrupt:
        raise FootfallError(f"Stopped. {_so_far(tally)}") from None
    except FootfallError as failure:
        raise FootfallError(f"{failure} {_so_far(tally)}" if tally.done else str(failure)) from failure
    finally:
        opened.close()
    tally.seconds = round(time.monotonic() - started, 3)
    if as_json:
        print_json(asdict(tally))
    else:
        _print(tally)
    if tally.rejected and not tally.done:
        sys.exit(1)


def _require_orders(file: OpenFile) -> None:
    """Raise ``InputInvalidError``, saying what it looks like, where a file holds no orders."""
    looks = looks_instead(file.head())
    if looks is None:
        return
    if looks == ORDER_TABLE:
        # An order is known by its id, its lines by theirs, and sales by products and variants: nothing could be counted of it.
        looks += ", which names no product, variant or line by its id: `footfall report reconciliation` compares with it"
    advice = _CATALOG if "over Product" in looks else _ADVICE.get(looks, "")
    raise InputInvalidError(f"{file.name} looks like {looks}. --format {SHOPIFY_ORDERS} reads {ORDERS_WANTED}.{advice}")


def _so_far(tally: Tally) -> str:
    if not tally.done:
        return "Nothing is stored."
    return f"{counted(tally.done, 'order is', 'orders are')} stored; run it again for the rest."


def _import(owner: Owner, file: OrderFile, tally: Tally) -> None:
    waiting: list[tuple[int, Any]] = []
    size = 0
    started = time.monotonic()
    with progress(plain(tally.shop)) as bar:
        task = bar.add_task("", total=1.0, rows="0", rate="0")

        def send() -> None:
            outcomes = owner.call("orders_put", shop=tally.shop, orders=[order for _, order in waiting])
            for (line, _), outcome in zip(waiting, outcomes, strict=True):
                if outcome["status"] == "rejected":
                    tally.reject(line, outcome["error"])
                else:
                    setattr(tally, outcome["status"], getattr(tally, outcome["status"]) + 1)
            fraction = file.fraction()
            bar.update(
                task,
                completed=fraction or 0.0,
                total=1.0 if fraction is not None else None,
                rows=f"{tally.done:,}",
                rate=f"{tally.done / max(time.monotonic() - started, 0.001):,.0f}",
            )

        for line, order in _readable(file.items(read_order), tally):
            encoded = msgspec.json.encode(order)
            if waiting and (len(waiting) == ORDER_BATCH_MAX or size + len(encoded) > CATALOG_CHUNK_BYTES_MAX):
                send()
                waiting, size = [], 0
            waiting.append((line, msgspec.to_builtins(order)))
            size += len(encoded)
        if waiting:
            send()


def _readable(items: Iterable[Item[Order]], tally: Tally) -> Iterator[tuple[int, Order]]:
    """Line and order of those that can be read; the others are told."""
    for item in items:
        if isinstance(item.order, str):
            tally.reject(item.line, item.order)
        else:
            yield item.line, item.order


def _print(tally: Tally) -> None:
    parts = [f"{counted(tally.created, 'order')} new", f"{tally.updated:,} changed", f"{tally.unchanged:,} as before"]
    parts += [f"{tally.rejected:,} could not be read"] if tally.rejected else []
    click.echo(plain(f"{tally.shop}: {', '.join(parts)}; {tally.done / max(tally.seconds, 0.001):,.0f} orders/s."))
