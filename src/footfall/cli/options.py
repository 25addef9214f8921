"""Options that several commands have, each written once so that they read the same everywhere."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

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


def as_mapping(assignments: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    """What was given as ``NAME=VALUE``, the last of a name given twice."""
    return dict(assignments)
