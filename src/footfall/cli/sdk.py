"""``footfall sdk``: the tags that put the browser's files on a page."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from footfall.cli.options import data_option, json_option
from footfall.cli.show import counted, note, print_json
from footfall.config import ADDRESS, read_config
from footfall.identifiers import read_public_key
from footfall.sdk_files import SdkFile, sdk_files

_PURPOSES: Final = {
    "footfall": "A storefront of your own: who the visitor is, what they do, which products to show",
    "footfall-shopify": "A Shopify theme by itself, instead of the first, which it loads",
    "footfall-products": "Lists of products, <footfall-products>, after the first",
}
"""Script → what it is for, in the order in which they are told."""
_HOST: Final = "https://events.shop.example"
_KEY: Final = "KEY"


def _read_host(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    if value is not None and not ADDRESS.fullmatch(value.rstrip("/")):
        raise click.BadParameter(f"it must be an address, such as {_HOST}.")
    return value and value.rstrip("/")


def _read_key(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    if value is not None and read_public_key(value) is None:
        raise click.BadParameter("it must be a public key: 40 hex digits, as `footfall shop list` shows it.")
    return value


@click.command()
@click.option(
    "--host", metavar="URL", callback=_read_host, help="Where browsers reach Footfall; FOOTFALL_ADDRESS unless given."
)
@click.option("--key", metavar="40HEX", callback=_read_key, help="The shop's public key.")
@data_option
@json_option
def sdk(*, host: str | None, key: str | None, data: Path | None, as_json: bool) -> None:
    """Print the tags that put the browser's files on a page.

    The newest changes with Footfall, and browsers have it within five minutes. A version is one file for ever, named with its
    hash: a fix is the next version.

    \b
    Example: footfall sdk --host https://events.shop.example --key 0123456789abcdef0123456789abcdef01234567
    For programs: --json prints [{"file": ..., "version": ..., "bytes": ..., "integrity": ...}]; bytes are compressed ones,
    version and integrity are null for files that change.
    """
    files = sdk_files()
    if as_json:
        print_json([_told(file) for file in files.values()])
        return
    host = host or read_config({"data": data}).address
    for script, purpose in _PURPOSES.items():
        # The lists ask by the first script, which has the key.
        whose = None if script == "footfall-products" else key or _KEY
        click.echo(f"{purpose}:\n")
        for file in _of(script, list(files.values())):
            what = "the newest" if file.version is None else f"version {file.version}, for ever"
            core = files.get(file.name.replace(script, "footfall")) if script == "footfall-shopify" else None
            tag = file.tag(host or _HOST, whose, core)
            click.echo(f"  {what} ({counted(len(file.gzipped), 'byte')} compressed)\n  {tag}\n")
    missing = [name for name, given in (("--host", host), ("--key", key)) if given is None]
    if missing:
        note(f"Put your own in with {' and '.join(missing)}.")


def _told(file: SdkFile) -> dict[str, str | int | None]:
    integrity = None if file.version is None else file.integrity
    return {"file": file.name, "version": file.version, "bytes": len(file.gzipped), "integrity": integrity}


def _of(script: str, files: Sequence[SdkFile]) -> list[SdkFile]:
    """The newest of a script, and its latest version."""
    newest = [file for file in files if file.name == f"{script}.js"]
    versions = [file for file in files if file.version is not None and file.name == f"{script}.v{file.version}.js"]
    return newest + sorted(versions, key=lambda file: file.version or 0)[-1:]
