"""``footfall catalog pull``: a live store's products and collections, once or again and again."""

import random
import re
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import click

from footfall.cli.catalog_pass import CatalogPass, Tally
from footfall.cli.options import data_option, json_option, shop_option
from footfall.cli.owner import give_way, open_owner
from footfall.cli.show import counted, moment, note, plain, print_json, progress
from footfall.cli.sources.admin_api import AdminApi, token_headers
from footfall.cli.sources.store import Store
from footfall.cli.sources.storefront import Storefront
from footfall.cli.sources.web import Web, WrongStoreError, store_url
from footfall.clock import Clock, SystemClock
from footfall.errors import FootfallError
from footfall.limits import PULL_INTERVAL_SECONDS_MAX, PULL_INTERVAL_SECONDS_MIN

TOKEN_VARIABLE: Final = "FOOTFALL_SHOPIFY_TOKEN"  # noqa: S105  # the name of a variable, not what it holds
_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


class Interval(click.ParamType):  # type: ignore[type-arg]  # an older click's is no generic
    """``15m``, ``90s``, ``2h``."""

    name = "INTERVAL"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        found = re.fullmatch(r"(\d{1,9})([smhd])", str(value).strip(), re.ASCII)
        if found is None:
            self.fail(f"{value!r} is no interval: such as 90s, 15m or 2h.", param, ctx)
        seconds = int(found[1]) * _UNITS[found[2]]
        if not PULL_INTERVAL_SECONDS_MIN <= seconds <= PULL_INTERVAL_SECONDS_MAX:
            longest = f"{PULL_INTERVAL_SECONDS_MAX // 86_400}d"
            self.fail(
                f"{value!r} is too {'short' if seconds < PULL_INTERVAL_SECONDS_MIN else 'long'}: 1m to {longest}.", param, ctx
            )
        return seconds


@click.command()
@click.argument("url")
@shop_option
@click.option("--every", type=Interval(), help="Stay and pull again at this interval, such as 15m, 90s or 2h; at least 1m.")
@click.option(
    "--token",
    envvar=TOKEN_VARIABLE,
    help=f"Read the Admin API with this access token. Better in {TOKEN_VARIABLE}: everybody on this machine can see the "
    "command line of a process.",
)
@click.option("--yes-remove", is_flag=True, help="Take out what the store no longer has, though it is most of the catalog.")
@data_option
@json_option
def pull(
    *, url: str, shop: str, every: int | None, token: str | None, yes_remove: bool, data: Path | None, as_json: bool
) -> None:
    """Put the products and collections of a live Shopify store into a shop's catalog.

    Without a token it reads what the storefront shows to everybody: published products and collections, without stock and
    status; what other sources told of these stays. A product that is no longer shown counts as unpublished. With a token of
    the Admin API it reads all there is, and what is no longer there is deleted.

    Nothing is taken out by a pass that was broken off, or where more than half would go. Run it again after anything: within
    an hour it goes on where it was.

    \b
    Examples:
      footfall catalog pull shop.example --shop my-shop
      footfall catalog pull https://shop.example --shop my-shop --every 15m
      FOOTFALL_SHOPIFY_TOKEN=shpat_... footfall catalog pull https://my-shop.myshopify.com --shop my-shop
    """
    address = store_url(url)
    web = Web(address, headers=token_headers(token) if token else None, tell=note, chance=random.Random())
    with closing(web):
        store: Store = AdminApi(web) if token else Storefront(web)

        def once() -> Tally:
            return _pass(store, shop, data, may_remove=yes_remove)

        if every is None:
            tally = once()
            _print(tally, as_json=as_json)
            if tally.rejected and not tally.products:
                sys.exit(1)
            return
        with open_owner(data) as owner:
            # A shop that isn't there never will be: told now, not at every interval.
            owner.call("pull_progress", shop=shop, source=store.source)
        repeat(once, every, show=lambda tally, at: _print(tally, as_json=as_json, at=at))


def repeat(
    once: Callable[[], Tally],
    every: float,
    *,
    show: Callable[[Tally, int], None],
    pause: Callable[[float], None] = time.sleep,
    clock: Clock | None = None,
) -> None:
    """Run passes for ever, one each ``every`` seconds, until Ctrl-C between two of them. One that fails is told, and the next
    one is tried, unless the first finds no store at all."""
    clock = clock or SystemClock()
    is_first = True
    while True:
        started = clock.now()
        try:
            tally = once()
        except WrongStoreError as failure:
            if is_first:
                raise
            note(f"{moment(started)}  {failure}")
        except _StoppedError:
            raise
        except (FootfallError, OSError) as failure:
            note(f"{moment(started)}  {failure} Trying again at the next interval.")
        else:
            show(tally, clock.now())
        is_first = False
        try:
            pause(max(0.0, every - (clock.now() - started) / 1000))
        except KeyboardInterrupt:
            # How a person ends it: nothing was under way.
            return


class _StoppedError(FootfallError):
    """Ctrl-C within a pass."""


def _pass(store: Store, shop: str, data: Path | None, *, may_remove: bool) -> Tally:
    """One pass. The directory is this process's only while it lasts, so that a server can start between two."""
    tally = Tally(shop, store.source)
    started = time.monotonic()
    try:
        with open_owner(data) as owner, progress(plain(shop)) as bar:
            if owner.serves:
                give_way()
            task = bar.add_task("", total=None, rows="0", rate="0")

            def shown(tally: Tally) -> None:
                rate = tally.products / max(time.monotonic() - started, 0.001)
                bar.update(task, rows=f"{tally.products:,}", rate=f"{rate:,.0f}")

            CatalogPass(owner, store, tally, may_remove=may_remove, shown=shown).run()
    except KeyboardInterrupt:
        raise _StoppedError(f"Stopped. {_so_far(tally)}") from None
    except WrongStoreError:
        raise
    except FootfallError as failure:
        if not tally.products and not tally.collections:
            raise
        raise FootfallError(f"{failure} {_so_far(tally)}") from failure
    tally.seconds = round(time.monotonic() - started, 3)
    return tally


def _so_far(tally: Tally) -> str:
    if not (tally.products or tally.collections):
        return "Nothing is stored."
    done = counted(tally.products, "product") + " and " + counted(tally.collections, "collection")
    return f"{done} are stored; run it again within an hour to go on where it was."


def _print(tally: Tally, *, as_json: bool, at: int | None = None) -> None:
    if as_json:
        print_json({**({"at": at} if at is not None else {}), **asdict(tally)})
        return
    parts = [f"{counted(tally.created, 'product')} new", f"{tally.updated:,} changed", f"{tally.unchanged:,} as before"]
    parts += [f"{tally.unpublished:,} no longer shown"] if tally.unpublished else []
    parts += [f"{tally.deleted:,} deleted"] if tally.deleted else []
    parts += [f"{tally.rejected:,} could not be read"] if tally.rejected else []
    parts += [counted(tally.collections, "collection")]
    parts += [f"{counted(tally.collections_deleted, 'collection')} deleted"] if tally.collections_deleted else []
    line = f"{tally.shop}: {', '.join(parts)}; {tally.products / max(tally.seconds, 0.001):,.0f} products/s."
    click.echo(plain(f"{moment(at)}  {line}" if at is not None else line))
    if tally.partial is not None:
        note(f"Nothing was taken out in this pass: {tally.partial}.")
