"""Options that several commands have, each written once so that they read the same everywhere."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import click

from footfall.intake.body import each_once
from footfall.intake.rejection import Rejected

data_option = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="Data directory; FOOTFALL_DATA, or ./footfall-data, unless given.",
)
shop_option = click.option("--shop", required=True, metavar="NAME", help="The shop, as `footfall shop list` names it.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


class Assignment(click.ParamType):  # type: ignore[type-arg]  # an older click's is no generic
    """``NAME=VALUE``, as ``--map`` and ``--set`` take it."""

    name = "NAME=VALUE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, tuple):
            return value
        name, sign, text = str(value).partition("=")
        if not sign or not name.strip():
            self.fail(f"{value!r} is not of the form NAME=VALUE.", param, ctx)
        return name.strip(), text


def as_mapping(assignments: tuple[tuple[str, str], ...], alternatives: Collection[str] = ()) -> dict[str, str]:
    """What was given as ``NAME=VALUE``, as ``each_once`` has it. Raises ``click.UsageError``."""
    fields = each_once(assignments, alternatives)
    if isinstance(fields, Rejected):
        raise click.UsageError(fields.error)
    return fields
