"""What the benchmarks print: figures, each beside what was asked and beside its floor, as one table."""

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from rich.console import Console
from rich.table import Table

Verdict = Literal["met", "MISSED", "BROKE", ""]
_STYLES = {"met": "green", "MISSED": "bold red", "BROKE": "bold red", "": ""}


@dataclass(frozen=True)
class Sample:
    """Repeated measurements of one thing. Shown as their median, and their spread where there are several."""

    values: tuple[float, ...]

    @classmethod
    def of(cls, values: Iterable[float]) -> "Sample":
        return cls(tuple(values))

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def shown(self, form: Callable[[float], str]) -> str:
        """The median, and in brackets the lowest and highest."""
        if len(self.values) == 1:
            return form(self.median)
        return f"{form(self.median)} ({form(min(self.values))} – {form(max(self.values))})"


@dataclass(frozen=True)
class Figure:
    """One row. ``verdict`` is empty where nothing is asked; ``raw`` is for programs."""

    what: str
    asked: str = ""
    measured: str = ""
    beside: str = ""
    ratio: str = ""
    verdict: Verdict = ""
    raw: dict[str, Any] = field(default_factory=dict)


def verdict(*, met: bool) -> Verdict:
    """The word for it."""
    return "met" if met else "MISSED"


def count(value: float) -> str:
    """A number of things, or of things a second."""
    return f"{value:,.0f}"


def milliseconds(value: float) -> str:
    return f"{value:,.2f} ms"


def seconds(value: float) -> str:
    return f"{value:.2f} s"


def megabytes(value: float) -> str:
    """A number of bytes."""
    return f"{value / 1e6:,.0f} MB"


def print_table(figures: Sequence[Figure], *, title: str) -> None:
    """All figures, on standard output."""
    console = Console()
    if not console.is_terminal:
        # A file has no width of its own, and rows that wrap are hard to compare.
        console = Console(width=200)
    table = Table(title=title, title_justify="left")
    for name in ("what", "asked", "measured: median (lowest – highest)", "floor or peer beside it", "ratio", "verdict"):
        table.add_column(name, overflow="fold")
    for figure in figures:
        shown = f"[{_STYLES[figure.verdict]}]{figure.verdict}[/]" if figure.verdict else ""
        table.add_row(figure.what, figure.asked, figure.measured, figure.beside, figure.ratio, shown)
    console.print(table)
