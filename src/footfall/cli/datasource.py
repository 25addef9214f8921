"""``footfall datasource``: the shop's data sources, from files."""

from pathlib import Path
from typing import Any

import click
import msgspec

from footfall.catalog.shape import decode_json
from footfall.cli.options import Assignment, as_mapping, data_option, json_option, shop_option
from footfall.cli.owner import open_owner
from footfall.cli.show import counted, moment, note, plain, print_json, print_table
from footfall.errors import InputInvalidError
from footfall.limits import DATA_SOURCE_BYTES_MAX

number_argument = click.argument("number", type=click.IntRange(1), metavar="ID")


@click.group()
def datasource() -> None:
    """Put, show and delete the rules by which /custom/id/ID answers.

    \b
    Example:
      footfall datasource put cross-sell.json --shop my-shop --id 1234
      footfall datasource try 1234 --shop my-shop --context cart_subtotal=62.50
    """


@datasource.command()
@click.argument("file", type=click.File("rb"))
@shop_option
@click.option("--id", "number", type=click.IntRange(1), help="Its number; goes before the `id` in the file.")
@data_option
@json_option
def put(*, file: Any, shop: str, number: int | None, data: Path | None, as_json: bool) -> None:
    """Make a data source of a JSON file, or a new version of the one that there is (`-` is standard input).

    What is wrong in the file is told with its place, and nothing is changed then. A file that changes nothing makes no new
    version.

    \b
    Example: footfall datasource put cross-sell.json --shop my-shop --id 1234
    """
    content = file.read(DATA_SOURCE_BYTES_MAX + 1)
    if len(content) > DATA_SOURCE_BYTES_MAX:
        raise InputInvalidError(f"A data source has at most {DATA_SOURCE_BYTES_MAX // 1024} KB.")
    try:
        source = decode_json(content)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as failure:
        raise InputInvalidError(f"{plain(file.name)} is not valid JSON: {failure}.") from failure
    with open_owner(data) as owner:
        kept = owner.call("datasource_put", shop=shop, source=source, number=number)
    if as_json:
        print_json(kept)
    else:
        rules = counted(len(kept["rules"]), "rule")
        click.echo(plain(f"{shop}: data source {kept['id']} is {kept['status']}, version {kept['version']}, {rules}."))


@datasource.command("list")
@shop_option
@data_option
@json_option
def list_sources(*, shop: str, data: Path | None, as_json: bool) -> None:
    """List a shop's data sources.

    \b
    Example: footfall datasource list --shop my-shop
    """
    with open_owner(data) as owner:
        found = owner.call("datasource_list", shop=shop)
    if as_json:
        print_json(found)
    elif found:
        rows = [[of["id"], of["version"], moment(of["updated_at"]), of["name"], of["description"]] for of in found]
        print_table(("id", "version", "updated", "name", "description"), rows)
    else:
        note("There is no data source yet. Make one: footfall datasource put FILE --shop NAME --id 1234")


@datasource.command()
@number_argument
@shop_option
@data_option
def show(*, number: int, shop: str, data: Path | None) -> None:
    """Print a data source as JSON, as it may be put again.

    \b
    Example: footfall datasource show 1234 --shop my-shop
    """
    with open_owner(data) as owner:
        print_json(owner.call("datasource_show", shop=shop, number=number))


@datasource.command()
@number_argument
@shop_option
@data_option
@json_option
def delete(*, number: int, shop: str, data: Path | None, as_json: bool) -> None:
    """Take a data source away; from then on its number is unknown.

    \b
    Example: footfall datasource delete 1234 --shop my-shop
    """
    with open_owner(data) as owner:
        deleted = owner.call("datasource_delete", shop=shop, number=number)
    if as_json:
        print_json(deleted)
    else:
        click.echo(plain(f"{shop}: data source {deleted['id']} is deleted."))


@datasource.command("try")
@number_argument
@shop_option
@click.option(
    "--context", type=Assignment(), multiple=True, metavar="NAME=VALUE", help="What a request would say; repeatable."
)
@data_option
@json_option
def try_source(*, number: int, shop: str, context: tuple[tuple[str, str], ...], data: Path | None, as_json: bool) -> None:
    """Show what a data source answers to a context, and which rule each product is of; as with the secret key.

    \b
    Example: footfall datasource try 1234 --shop my-shop --context cart_subtotal=62.50 --context country_code=DE
    """
    with open_owner(data) as owner:
        answer = owner.call("datasource_try", shop=shop, number=number, context=as_mapping(context))
    if as_json:
        print_json(answer)
    elif answer["data"]:
        rows = [
            [product["id"], product["title"] or product["handle"], *(why[name] for name in ("rule", "name", "source"))]
            for product in answer["data"]
            for why in product["reasons"]
        ]
        print_table(("product", "title", "rule", "name", "source"), rows)
    else:
        note("No product: no rule's condition holds, or none of its products passes.")
