"""What a person sees after ``shop create``: the keys, and lines to copy that work as they stand."""

import os
import shlex
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import click
import msgspec

_DEFAULT_ADDRESS: Final = "http://127.0.0.1:8080"
_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104  # told from, not listened on

# Where something in the browser blocks the script, the page goes on without it; the block leaves the page's own names alone.
_SNIPPET: Final = """\
<script src="ADDRESS/sdk/footfall.js" data-key="KEY"></script>
<script>
  {
    const product = location.pathname.match(/\\/products\\/([^\\/]+)/);
    if (product && window.footfall) footfall.viewed(decodeURIComponent(product[1]));
  }
</script>"""

_EXPOSED: Final = (
    "customer_reads is public: customer ids can be guessed, so anyone with the public key can read what a customer viewed; "
    "close it with `{command}`."
)


class Place(NamedTuple):
    """Where the data is: the running server's address, if one runs, and the directory, if one was named.

    ``outside`` is where browsers reach it, where a setting says so.
    """

    address: str | None
    data: Path | None
    outside: str | None = None

    @property
    def url(self) -> str:
        """The address to call."""
        if self.outside is not None:
            return self.outside
        if self.address is None:
            return _DEFAULT_ADDRESS
        parts = urlsplit(self.address)
        host = _EVERYWHERE.get(parts.hostname or "")
        return self.address if host is None else f"http://{host}:{parts.port}"

    def command(self, *arguments: str) -> str:
        """A command line of Footfall on this data."""
        where = ["--data", os.fspath(self.data)] if self.data is not None else []
        return shlex.join(["footfall", *arguments, *where])


def snippet(url: str, public_key: str) -> str:
    """What a page takes to send a view of the product whose page it is."""
    return _SNIPPET.replace("ADDRESS", url).replace("KEY", public_key)


def send_line(url: str, public_key: str) -> str:
    """A curl line that sends an event."""
    event = {"subject": "user", "verb": "viewed", "noun": "product", "uuid": "try-it", "product_handle": "classic-beanie"}
    return shlex.join(
        [
            "curl",
            f"{url}/api/v2/analytics/event",
            "-H",
            "Content-Type: application/json",
            "-H",
            f"X-Rebuy-User-Token: {public_key}",
            "-d",
            msgspec.json.encode(event).decode(),
        ]
    )


def read_line(url: str, public_key: str) -> str:
    """A curl line that reads back what that visitor viewed."""
    return shlex.join(["curl", f"{url}/api/v1/products/viewed?key={public_key}&uuid=try-it"])


def print_welcome(made: dict[str, Any], place: Place, *, customer_reads: str) -> None:
    """The keys, and what to do next."""
    shop, key, url = made["shop"], made["public_key"], place.url
    lines = [f"Shop {shop} is made.", ""]
    lines += [
        f"  Public key  {key}",
        "              It may stand in a page: it collects events and reads what storefronts show.",
    ]
    lines += [
        f"  Secret key  {made['secret_key']}",
        "              It must never stand in a page. It is shown only this once.",
    ]
    if place.address is None:
        lines += ["", "No server runs on this data yet. Start it:", "", f"  {place.command('serve')}"]
    lines += ["", "Send an event, and read back what that visitor viewed:", ""]
    lines += [f"  {send_line(url, key)}", f"  {read_line(url, key)}"]
    lines += ["", "See events as they come in:", "", f"  {place.command('tail', '--shop', shop)}"]
    lines += ["", "Put this into the pages of the storefront: it sends a view of each product page (the path /products/...)."]
    lines += [f"{url} must be an address that shoppers' browsers reach.", "", snippet(url, key), ""]
    lines += ["Tags for a Shopify theme, for lists of products, and for a version of the script that never changes:", ""]
    lines += [f"  {shlex.join(['footfall', 'sdk', '--host', url, '--key', key])}"]
    if customer_reads == "public":
        lines += ["", _EXPOSED.format(command=place.command("shop", "set", shop, "customer_reads", "secret"))]
    click.echo("\n".join(lines))
