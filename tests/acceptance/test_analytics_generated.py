"""The generated shop, asked for its figures: every report is what a straight reading of what was generated gives."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest

from footfall.clock import DAY_MS
from tests.acceptance.hooks import SECRET
from tests.generated.catalog import product_id
from tests.generated.figures import Figures
from tests.generated.shop import make_generated_shop
from tests.generated.steps import Step, mixed
from tests.generated.telling import Door
from tests.generated.truth import Truth
from tests.support import NOW, ManualClock, run, running

_SHOP = make_generated_shop(NOW)
_FIGURES = Figures(Truth(_SHOP))
_TOMORROW = NOW // DAY_MS * DAY_MS + DAY_MS
_SETTINGS = {"domain": "generated.myshopify.com", "webhook_secret": SECRET, "currency": "EUR"}

Ask = Callable[..., Awaitable[Any]]


@asynccontextmanager
async def told(data: Path, steps: list[Step]) -> AsyncIterator[Ask]:
    """A service that was told all of it; a report's ``data`` by its name."""
    async with running(data, ManualClock(NOW), **_SETTINGS) as service:
        door = Door(service.client, service.public_key, service.secret_key, "generated.myshopify.com", SECRET)
        await door.tell(steps, NOW)
        await service.service.desk.caught_up(service.service.shops.by_name("shop").id)  # type: ignore[union-attr]  # it is

        async def ask(name: str, **parameters: Any) -> Any:
            answer = await service.client.get(f"/api/v1/reports/{name}", params=parameters, headers=door.bearer)
            assert answer.status_code == 200, answer.text
            return answer.json()["data"]

        yield ask


async def check(ask: Ask) -> None:
    """Every report is the true one."""
    for days in (60, 30, 7, 1):
        start = _TOMORROW - days * DAY_MS
        window = {"last": f"{days}d"}
        found = await ask("overview", **window)
        expected = _FIGURES.overview(start, _TOMORROW)
        assert {**{name: found[name] for name in expected}, "revenue": Decimal(found["revenue"])} == expected, days
        products = await ask("top-products", limit=1_000, **window)
        by_number = {}
        for row in products:
            figures = {name: row[name] for name in ("views", "viewers", "adds", "removes", "purchases", "orders", "units")}
            by_number[int(row["product_id"]) - product_id(0)] = {**figures, "revenue": Decimal(row["revenue"])}
        assert by_number == _FIGURES.products(start, _TOMORROW), days
        steps = (await ask("funnel", **window))["steps"]
        assert [step["count"] for step in steps] == _FIGURES.funnel(start, _TOMORROW)
        sessions = await ask("sessions", **window)
        count, bounces, lasted = _FIGURES.behaviour(start, _TOMORROW)
        assert (sessions["sessions"], sessions["bounces"]) == (count, bounces)
        assert sessions["seconds_average"] == round(lasted / count / 1_000, 3)
        points = (await ask("timeseries", granularity="day", **window))["points"]
        for place, point in enumerate(points):
            day = _FIGURES.overview(start + place * DAY_MS, start + (place + 1) * DAY_MS) if point["sessions"] else None
            if day is not None:
                assert {**{name: point[name] for name in day}, "revenue": Decimal(point["revenue"])} == day, point["start"]
    monday = datetime.fromtimestamp(_TOMORROW / 1_000, UTC) - timedelta(days=21)
    monday -= timedelta(days=monday.weekday())
    mondays = [int((monday + timedelta(weeks=week)).timestamp() * 1_000) for week in range(4)]
    mondays = [start for start in mondays if start < _TOMORROW]
    cohorts = (await ask("retention", **{"from": f"{monday:%Y-%m-%d}"}))["cohorts"]
    assert [cohort["came"] for cohort in cohorts] == _FIGURES.cohorts(mondays, _TOMORROW)


async def check_the_rest(ask: Ask) -> None:
    """Search, widgets, claims, and what the data's health is."""
    search = await ask("search")
    (term,) = search["terms"]
    assert (term["term"], term["searches"], term["clicks"], term["adds"], term["zero_results"]) == ("wool hat", 1, 1, 0, 0)
    widgets = await ask("widgets")
    assert [(row["widget"], row["impressions"], row["clicks"], row["adds"]) for row in widgets["widgets"]] == [("42", 1, 1, 1)]
    assert (widgets["lines"], widgets["all_lines"]) == (0, _FIGURES.overview(_TOMORROW - 30 * DAY_MS, _TOMORROW)["purchases"])
    # A page's word on a purchase stands apart: one order that nobody else knows, one without a number, one that is a trial.
    assert (await ask("overview"))["unverified"]["orders"] == 2
    health = await ask("data-health", last="1d")
    acts = _SHOP.acts
    assert health["tests"] == sum(act.test and not act.again for act in acts)
    assert health["bots"] == sum(act.sender == "robot" for act in acts)
    assert health["denied"] == sum(act.denied for act in acts)
    assert health["clamped"] == 0
    vendors = await ask("top-products", group="vendor")
    assert {row["vendor"] for row in vendors} <= {product["vendor"] for product in _SHOP.catalog.products.values()}


def test_told_in_natural_order_every_figure_is_the_true_one(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with told(tmp_path, _SHOP.steps) as ask:
            await check(ask)
            await check_the_rest(ask)

    run(scenario())


@pytest.mark.parametrize("seed", [1])
def test_told_in_any_order_every_figure_is_the_true_one(tmp_path: Path, seed: int) -> None:
    async def scenario() -> None:
        async with told(tmp_path, mixed(_SHOP.steps, Random(seed))) as ask:
            await check(ask)
            await check_the_rest(ask)

    run(scenario())
