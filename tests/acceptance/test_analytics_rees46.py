"""A real shop's recording, imported: every report's figures are what a reading of the file alone gives."""

import csv
import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from tests.support import command, directory, new_shop, server

_DATA = Path(__file__).parents[2].parent / "shared" / "data"
_FILE = next(iter(sorted(_DATA.glob("rees46_*_events.csv.gz"))), None)
_DAY = {"from": "2019-10-01", "to": "2019-10-02"}

pytestmark = pytest.mark.skipif(_FILE is None, reason=f"the REES46 recording is not there: {_DATA}/rees46_*_events.csv.gz")


class Act(NamedTuple):
    """One row of the recording. ``time`` in seconds since the epoch."""

    time: int
    kind: str
    product: str
    brand: str
    price: Decimal
    user: str
    session: str


@pytest.fixture(scope="module")
def acts() -> list[Act]:
    assert _FILE is not None
    with gzip.open(_FILE, "rt", encoding="utf-8", newline="") as file:
        return [
            Act(
                int(datetime.strptime(row["event_time"], "%Y-%m-%d %H:%M:%S UTC").replace(tzinfo=UTC).timestamp()),
                row["event_type"],
                row["product_id"],
                row["brand"],
                Decimal(row["price"]),
                row["user_id"],
                row["user_session"],
            )
            for row in csv.DictReader(file)
        ]


@pytest.fixture(scope="module")
def shop(acts: list[Act]) -> Iterator[httpx.Client]:
    """A server with the recording and a catalog of its brands, asked with the secret key."""
    assert _FILE is not None
    with directory() as path, server(path / "data") as running:
        made = new_shop(running.data, "a")
        command("import", str(_FILE), "--shop", "a", "--format", "rees46", data=running.data)
        brands = {act.product: act.brand for act in acts}
        catalog = path / "catalog.json"
        products = [
            {"id": int(product), "title": product, "vendor": brand, "variants": []} for product, brand in brands.items()
        ]
        catalog.write_text(json.dumps({"products": products}))
        command("catalog", "import", str(catalog), "--shop", "a", data=running.data)
        # Until analytics has all of it.
        command("sql", "select count(*) from events", "--shop", "a", data=running.data)
        headers = {"Authorization": f"Bearer {made['secret_key']}"}
        with httpx.Client(base_url=running.url, headers=headers, timeout=60) as client:
            yield client


def told(shop: httpx.Client, name: str, **parameters: Any) -> Any:
    answer = shop.get(f"/api/v1/reports/{name}", params={**_DAY, **parameters})
    assert answer.status_code == 200, answer.text
    assert answer.headers["footfall-lag"] == "0"
    return answer.json()["data"]


def sessions_of(acts: list[Act]) -> Mapping[str, list[Act]]:
    found: dict[str, list[Act]] = defaultdict(list)
    for act in acts:
        found[act.session].append(act)
    return {session: sorted(of, key=lambda act: act.time) for session, of in found.items()}


def test_the_overview_has_the_known_totals(shop: httpx.Client, acts: list[Act]) -> None:
    bought = [act for act in acts if act.kind == "purchase"]
    buying = {act.session for act in bought}
    found = told(shop, "overview")
    assert (found["events"], found["views"], found["adds"], found["purchases"]) == (17_434, 17_055, 165, 214)
    assert (found["visitors"], found["sessions"], found["orders"], found["units"]) == (4_504, 5_066, 200, 214)
    assert (found["revenue"], found["removes"], found["currency"]) == ("59442.63", 0, "USD")
    assert Decimal(found["revenue"]) == sum(act.price for act in bought)
    assert found["aov"] == str((Decimal("59442.63") / 200).quantize(Decimal("0.01")))
    assert found["conversion"] == round(len(buying) / 5_066, 6)


def test_each_hour_has_what_happened_in_it(shop: httpx.Client, acts: list[Act]) -> None:
    begun = Counter(of[0].time // 3_600 for of in sessions_of(acts).values())
    for point in told(shop, "timeseries", granularity="hour")["points"]:
        hour = int(datetime.fromisoformat(point["start"]).timestamp()) // 3_600
        inside = [act for act in acts if act.time // 3_600 == hour]
        kinds = Counter(act.kind for act in inside)
        assert (point["events"], point["views"], point["adds"]) == (len(inside), kinds["view"], kinds["cart"])
        assert (point["visitors"], point["sessions"]) == (len({act.user for act in inside}), begun[hour])
        bought = [act for act in inside if act.kind == "purchase"]
        assert (point["purchases"], point["orders"]) == (len(bought), len({act.session for act in bought}))
        assert Decimal(point["revenue"]) == sum(act.price for act in bought)


def test_days_begin_where_the_zone_says(shop: httpx.Client, acts: list[Act]) -> None:
    midnight = datetime.fromisoformat("2019-10-01T00:00:00-02:00").timestamp()
    before, after = told(
        shop, "timeseries", granularity="day", timezone="Etc/GMT+2", **{"from": "2019-09-30", "to": "2019-10-02"}
    )["points"]
    assert before["events"] == sum(act.time < midnight for act in acts) > 0
    assert after["events"] == sum(act.time >= midnight for act in acts) > 0


def test_products_have_their_views_viewers_adds_and_sales(shop: httpx.Client, acts: list[Act]) -> None:
    views = Counter(act.product for act in acts if act.kind == "view")
    found = told(shop, "top-products", limit=10_000)
    assert {row["product_id"]: row["views"] for row in found if row["views"]} == views
    assert [row["views"] for row in found] == sorted((row["views"] for row in found), reverse=True)
    for row in found[:50]:
        of = [act for act in acts if act.product == row["product_id"]]
        bought = [act for act in of if act.kind == "purchase"]
        assert row["viewers"] == len({act.user for act in of if act.kind == "view"})
        assert (row["adds"], row["purchases"]) == (sum(act.kind == "cart" for act in of), len(bought))
        assert Decimal(row["revenue"]) == sum(act.price for act in bought)
        assert sum(row["sparkline"]) == row["views"]


def test_the_top_products_of_a_brand_and_the_top_brands_are_those_of_the_file(shop: httpx.Client, acts: list[Act]) -> None:
    brands = {act.product: act.brand for act in acts}
    views = Counter(act.product for act in acts if act.kind == "view")
    of_samsung = {product: count for product, count in views.items() if brands[product] == "samsung"}
    found = told(shop, "top-products", vendor="Samsung", limit=10_000)
    assert {row["product_id"]: row["views"] for row in found if row["views"]} == of_samsung
    expected: Counter[str] = Counter()
    viewers: dict[str, set[str]] = defaultdict(set)
    for act in acts:
        if act.kind == "view" and brands[act.product]:
            expected[brands[act.product]] += 1
            viewers[brands[act.product]].add(act.user)
    by_vendor = told(shop, "top-products", group="vendor", limit=10_000)
    assert {row["vendor"]: row["views"] for row in by_vendor if row["views"]} == expected
    assert {row["vendor"]: row["viewers"] for row in by_vendor[:20]} == {
        row["vendor"]: len(viewers[row["vendor"]]) for row in by_vendor[:20]
    }


def test_an_overview_of_one_brand_counts_what_is_about_its_products(shop: httpx.Client, acts: list[Act]) -> None:
    brands = {act.product: act.brand for act in acts}
    about = [act for act in acts if brands[act.product] == "apple"]
    found = told(shop, "overview", vendor="apple")
    bought = [act for act in about if act.kind == "purchase"]
    assert (found["events"], found["views"]) == (len(about), sum(act.kind == "view" for act in about))
    assert (found["visitors"], found["sessions"]) == (len({act.user for act in about}), len({act.session for act in about}))
    assert (found["purchases"], Decimal(found["revenue"])) == (len(bought), sum(act.price for act in bought))


def test_the_funnel_is_ordered_within_sessions(shop: httpx.Client, acts: list[Act]) -> None:
    reached = Counter[str]()
    for of in sessions_of(acts).values():
        viewed = next((act.time for act in of if act.kind == "view"), None)
        added = min((act.time for act in of if act.kind == "cart" and viewed is not None and act.time >= viewed), default=None)
        reached["viewed"] += viewed is not None
        reached["added"] += added is not None
        reached["purchased"] += added is not None and any(act.kind == "purchase" and act.time >= added for act in of)
    assert {step["step"]: step["count"] for step in told(shop, "funnel")["steps"]} == reached


def test_sessions_have_the_lengths_and_bounces_of_the_file(shop: httpx.Client, acts: list[Act]) -> None:
    every = sessions_of(acts).values()
    found = told(shop, "sessions")
    lengths = sorted(of[-1].time - of[0].time for of in every)
    assert found["seconds_average"] == round(sum(lengths) / len(lengths), 3)
    assert found["seconds_median"] == (lengths[len(lengths) // 2] + lengths[(len(lengths) - 1) // 2]) / 2
    assert found["events_average"] == round(len(acts) / len(every), 3)
    one_view = [of for of in every if sum(a.kind == "view" for a in of) <= 1 and all(a.kind == "view" for a in of)]
    assert found["bounces"] == len(one_view)


def test_all_came_in_one_week_and_everybody_once(shop: httpx.Client, acts: list[Act]) -> None:
    (cohort,) = told(shop, "retention")["cohorts"]
    assert (cohort["week"], cohort["visitors"], cohort["came"]) == ("2019-09-30", 4_504, [4_504])


def test_a_customers_timeline_is_all_that_they_did_on_every_device(shop: httpx.Client, acts: list[Act]) -> None:
    sessions: dict[str, set[str]] = defaultdict(set)
    for act in acts:
        sessions[act.user].add(act.session)
    user = max(sessions, key=lambda one: len(sessions[one]))
    of_user = [act for act in acts if act.user == user]
    found = told(shop, "visitor", customer_id=user, limit=10_000)
    assert (found["events"], found["sessions"]) == (len(of_user), len({act.session for act in of_user}))
    assert set(found["uuids"]) == {act.session for act in of_user}
    times = [int(datetime.fromisoformat(row["time"]).timestamp()) for row in found["timeline"]]
    assert times == sorted((act.time for act in of_user), reverse=True)


def test_data_health_counts_repetitions_and_unknown_products(shop: httpx.Client, acts: list[Act]) -> None:
    # By when they came in, which is now: all of it is late.
    answer = shop.get("/api/v1/reports/data-health", params={"last": "1w"}).json()["data"]
    last: dict[tuple[str, str, str], int] = {}
    repeated = 0
    for act in sorted(acts, key=lambda one: one.time):
        # In this recording a visitor is a session.
        key = (act.session, act.kind, act.product)
        repeated += key in last and act.time - last[key] <= 1
        last[key] = act.time
    assert (answer["events"], answer["late"], answer["unknown_products"]["events"]) == (17_434, 17_434, 0)
    assert answer["repeated_within_a_second"] == repeated
