"""``footfall demo``: a living shop in one command: a storefront at ``/demo``, shoppers over real HTTP, lines to try."""

import asyncio
import os
import random
import shutil
import sys
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import click
import msgspec
import structlog
import uvloop

from footfall.client import AsyncClient, FootfallError
from footfall.clock import HOUR_MS, MINUTE_MS, Milliseconds
from footfall.config import read_config
from footfall.demo.catalog import CURRENCY, GOES_WITH, SHOP, catalog, collections, goes_with, products
from footfall.demo.shoppers import Shoppers, wire_event
from footfall.service.commands import Commands
from footfall.service.logs import configure_logs
from footfall.service.server import serve as serve_directory
from footfall.service.service import Service

_DATA: Final = Path("footfall-demo")
_VISITOR: Final = "demo-visitor"
_PAST_VISITS: Final = 900
_PAST_DAYS: Final = 14
_EVENTS_MAX: Final = 50_000
"""After so many live events the shoppers go home: a demo that is forgotten must not fill a disk."""
_PAUSE_SECONDS: Final = 0.5

_logger = structlog.get_logger("footfall.demo")


@click.command()
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help=f"Data directory; ./{_DATA} unless given.")
@click.option("--host", help="Address to listen on; 127.0.0.1 unless given.")
@click.option("--port", type=click.IntRange(0, 65_535), help="Port to listen on; 8080 unless given.")
@click.option("--shoppers/--no-shoppers", default=True, help="Whether simulated shoppers send events while it runs.")
def demo(*, shoppers: bool, **flags: Any) -> None:
    """Show a living shop: a server, a storefront at /demo, and shoppers whose events come in.

    \b
    Example: footfall demo --port 8080
    Ctrl-C stops it; `footfall demo` goes on where it was.
    """
    config = read_config({**flags, "data": flags["data"] or _DATA})
    configure_logs(level=config.log_level, form=config.log_format)
    address: list[str] = []

    async def ready(service: Service) -> None:
        try:
            await _show(service, address[0], config.address or _reachable(address[0]), shoppers=shoppers)
        except FootfallError as failure:
            _logger.warning("demo_failed", error=str(failure))

    pages = ["footfall.demo.storefront"]
    uvloop.run(serve_directory(config, announce=address.append, ready=ready, more_pages=pages))


def _reachable(address: str) -> str:
    """The same as a browser on this machine calls it: nobody can call 0.0.0.0."""
    parts = urlsplit(address)
    return f"http://127.0.0.1:{parts.port}" if parts.hostname in ("0.0.0.0", "::") else address  # noqa: S104


async def _show(service: Service, address: str, url: str, *, shoppers: bool) -> None:
    """Make the demo shop what it is now, fill a new one with a past, tell what to try, and let shoppers in."""
    commands = Commands(service)
    fresh = service.shops.by_name(SHOP) is None
    await _furnish(commands, f"{url}/demo", fresh=fresh)
    key = (await commands.shop_show(SHOP))["public_key"]
    chance = random.Random(service.clock.now())
    walk = Shoppers(chance, products())
    async with AsyncClient(_reachable(address), key) as client:
        if fresh:
            await _past(client, walk, chance, service.clock.now())
        _tell(url, key, str(service.config.data))
        if shoppers:
            await _live(client, walk, service)


async def _furnish(commands: Commands, storefront: str, *, fresh: bool) -> None:
    """The shop, its catalog and its rules. Said again at every start: the address may be another, and this version too."""
    if fresh:
        await commands.shop_create(SHOP, settings={"currency": CURRENCY})
    await commands.shop_set(SHOP, "url", storefront)
    await commands.catalog_put(SHOP, msgspec.to_builtins(catalog(storefront)))
    await commands.catalog_put_collections(SHOP, msgspec.to_builtins(collections()))
    await commands.datasource_put(SHOP, goes_with(), GOES_WITH)


async def _past(client: AsyncClient, walk: Shoppers, chance: random.Random, now: Milliseconds) -> None:
    """Two weeks that were: visits, and a visitor with a short history of views."""
    spans = (HOUR_MS + chance.randrange(_PAST_DAYS * 24 * HOUR_MS) for _ in range(_PAST_VISITS))
    events = [event for span in spans for event in walk.visit(Milliseconds(now - span))]
    for minutes, product in enumerate(products()[:4]):
        moment = Milliseconds(now - (10 - minutes) * MINUTE_MS)
        events.append(wire_event(product, "viewed", moment, {"uuid": _VISITOR}, f"demo-{minutes}"))
    await client.send(events)


async def _live(client: AsyncClient, walk: Shoppers, service: Service) -> None:
    """One visit after the other, an event at a time, until the demo ends or has had enough."""
    sent = 0
    while sent < _EVENTS_MAX:
        for event in walk.visit(service.clock.now()):
            await client.send([{**event, "event_time": str(service.clock.now())}])
            sent += 1
            await asyncio.sleep(_PAUSE_SECONDS)
    _logger.info("shoppers_went_home", events=sent)


def _called() -> str:
    """The command as the reader's shell finds it: by its name, else by its path."""
    script = Path(sys.executable).with_name("footfall")
    found = shutil.which("footfall")
    if found is not None and script.exists() and script.samefile(found):
        return "footfall"
    return os.path.relpath(script) if script.is_relative_to(Path.cwd()) else str(script)


def _tell(url: str, key: str, data: str) -> None:
    product = products()[7]
    lines = f"""
  Footfall is running with a demo shop. Shoppers are at work; these are yours to try:

    In a browser          {url}/demo      the shop, and what Footfall sees of you in it
                          {url}/          what runs here
                          {url}/docs      every route, with examples

    What a visitor viewed, newest first:
      curl '{url}/api/v1/products/viewed?key={key}&uuid={_VISITOR}&format=pretty'

    Send an event (a user viewed the {product.title}), then ask again:
      curl -X POST '{url}/api/v2/analytics/event?key={key}' -H 'Content-Type: application/json' \\
        -d '{{"subject":"user","verb":"viewed","noun":"product","uuid":"{_VISITOR}","product_id":"{product.id}",\
"product_handle":"{product.handle}","shopify_product_title":"{product.title}"}}'

    What sells best, and what rises, and why:
      curl '{url}/api/v1/products/top_sellers?key={key}&explain=yes&format=pretty'
      curl '{url}/api/v1/products/trending_products?key={key}&explain=yes&format=pretty'

    Events as they are acknowledged, the figures, and any question about them in SQL (in another terminal):
      {_called()} tail --data {data} --shop {SHOP}
      {_called()} report overview last=7d --data {data} --shop {SHOP}
      {_called()} sql "select product, count(*) from events group by 1 order by 2 desc limit 5" --data {data} --shop {SHOP}

  Public key of the demo shop (may stand in a page): {key}
  Ctrl-C stops it.
"""
    click.echo(lines)
