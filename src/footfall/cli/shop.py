"""``footfall shop``: make, change, show and list shops, and replace their keys."""

from pathlib import Path
from typing import Any, Final

import click

from footfall.cli.options import data_option, json_option
from footfall.cli.owner import open_owner
from footfall.cli.show import moment, note, print_fields, print_json, print_table
from footfall.cli.welcome import Place, print_welcome
from footfall.config import read_config
from footfall.identifiers import read_public_key

_SETTINGS: Final = ("url", "domain", "currency", "timezone", "customer_reads", "webhook_secret")
name_argument = click.argument("name")


@click.group()
def shop() -> None:
    """Make, change, show and list shops, and replace their keys.

    \b
    Example:
      footfall shop create my-shop --url https://shop.example --currency EUR
      footfall shop set my-shop customer_reads secret
    """


def _read_key(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    if value is not None and read_public_key(value) is None:
        raise click.BadParameter("it must be 40 hex digits, such as the key that your storefront sends today.")
    return value


@shop.command()
@name_argument
@click.option("--public-key", metavar="40HEX", callback=_read_key, help="Keep a key that storefronts send already.")
@click.option("--url", help="Where its storefront is, such as https://shop.example; products link there.")
@click.option("--domain", help="Its domain at Shopify, such as my-shop.myshopify.com.")
@click.option("--currency", help="Three letters, such as EUR; USD unless given.")
@click.option("--timezone", help="Such as Europe/Berlin; UTC unless given.")
@click.option("--customer-reads", type=click.Choice(["public", "secret"]), help="Which key reads by customer id; public.")
@click.option("--webhook-secret", help="With what its webhooks are signed.")
@data_option
@json_option
def create(*, name: str, public_key: str | None, data: Path | None, as_json: bool, **settings: str | None) -> None:
    """Make a shop, and show its keys and what to do next.

    The secret key is shown once and stored as a hash only. Makes the data directory where there is none.

    \b
    Example: footfall shop create my-shop --url https://shop.example
    For programs: --json prints {"shop": ..., "public_key": ..., "secret_key": ...}
    """
    given = {setting: value for setting, value in settings.items() if value is not None}
    with open_owner(data, create=True) as owner:
        made = owner.call("shop_create", name=name, public_key=public_key, settings=given)
        place = Place(owner.address, data, read_config({"data": data}).address)
    if as_json:
        print_json({field: made[field] for field in ("shop", "public_key", "secret_key")})
    else:
        print_welcome(made, place, customer_reads=given.get("customer_reads", "public"))


@shop.command("set")
@name_argument
@click.argument("setting", metavar="KEY", type=click.Choice(_SETTINGS))
@click.argument("value")
@data_option
@json_option
def set_setting(*, name: str, setting: str, value: str, data: Path | None, as_json: bool) -> None:
    """Change a setting of a shop: url, domain, currency, timezone, customer_reads, webhook_secret.

    An empty value takes url, domain and webhook_secret away. A new webhook_secret is added to the ones there are, for the
    time in which both are in use.

    \b
    Example: footfall shop set my-shop customer_reads secret
    """
    with open_owner(data) as owner:
        shown = owner.call("shop_set", name=name, setting=setting, value=value)
    _print_shop(shown, as_json=as_json)


@shop.command("show")
@name_argument
@data_option
@json_option
def show_shop(*, name: str, data: Path | None, as_json: bool) -> None:
    """Show a shop's settings, its public keys, and what happened to its events so far.

    \b
    Example: footfall shop show my-shop
    """
    with open_owner(data) as owner:
        shown = owner.call("shop_show", name=name)
    _print_shop(shown, as_json=as_json)


@shop.command("list")
@data_option
@json_option
def list_shops(*, data: Path | None, as_json: bool) -> None:
    """List the shops and their public keys.

    \b
    Example: footfall shop list
    """
    with open_owner(data) as owner:
        shops = owner.call("shop_list")
    if as_json:
        print_json(shops)
    elif shops:
        fields = ("shop", "public_key", "customer_reads", "currency", "timezone", "url")
        print_table(fields, [[entry[field] for field in fields] for entry in shops])
    else:
        note("There is no shop yet. Make one: footfall shop create my-shop")


@shop.command("rotate-key")
@name_argument
@click.option("--kind", type=click.Choice(["secret", "public"]), default="secret", help="Which key; secret unless given.")
@click.option("--keep-old", is_flag=True, help="Let the old keys work on, until the next time without this.")
@data_option
@json_option
def rotate_key(*, name: str, kind: str, keep_old: bool, data: Path | None, as_json: bool) -> None:
    """Make a new key for a shop; the old ones of its kind stop working at once unless --keep-old is given.

    \b
    Example: footfall shop rotate-key my-shop --kind secret
    """
    with open_owner(data) as owner:
        made = owner.call("shop_rotate_key", name=name, kind=kind, keep_old=keep_old)
    if as_json:
        print_json(made)
        return
    print_fields([(f"New {kind} key", made[f"{kind}_key"])])
    click.echo("The old ones still work." if keep_old else "The old ones work no longer.")
    if kind == "secret":
        click.echo("It is shown only this once, and must never stand in a page.")


def _print_shop(shown: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(shown)
        return
    apart = ("public_key", "public_keys", "outcomes", "created_at")
    fields = [(name.replace("_", " "), value) for name, value in shown.items() if name not in apart]
    fields[1:1] = [("public key", key) for key in shown["public_keys"]]
    fields.append(("created at", moment(shown["created_at"])))
    # What is counted keeps its name: fields of events are called by it.
    fields.extend((_told(outcome), count) for outcome, count in shown.get("outcomes", {}).items())
    print_fields(fields)


def _told(outcome: str) -> str:
    """``webhook:orders/create`` and the like are no events."""
    kind, _, topic = outcome.partition(":")
    if not kind.startswith("webhook"):
        return f"events: {outcome}"
    more = kind.removeprefix("webhook").replace("-", " ")
    return f"webhooks{more}: {topic}"
