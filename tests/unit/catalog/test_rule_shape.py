"""Reading a data source: everything that may stand in one, and what is said of everything else."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from footfall.catalog.data_source import Bounds, Choice, DataSource
from footfall.catalog.rule_shape import read_data_source
from footfall.catalog.shape import ShapeError, decode_json
from footfall.limits import DATA_SOURCE_NAMES_MAX, DATA_SOURCE_RULES_MAX, PRODUCTS_MAX

SOURCES = ("viewed", "static", "collections", "rising")
RULE = {"source": "static", "products": ["632910392", "h:red-shirt"]}
WHOLE = {
    "id": 1234,
    "name": "Cross-sell",
    "description": "What goes with it.",
    "rules": [
        {
            "name": "spring on sale",
            "source": "collections",
            "collections": ["spring"],
            "limit": 4,
            "when": {
                "cart_subtotal": {"at_least": "50.00", "below": "200.00"},
                "cart_contains": {"products": ["123"], "tags": ["gift"], "vendors": [], "types": [], "collections": []},
                "inputs_contain": {"tags": ["shoes"]},
                "country": ["de", "AT"],
                "customer_tags": ["VIP"],
                "from": "2026-11-27T00:00:00+01:00",
                "until": "2026-11-30T00:00:00+01:00",
            },
            "filters": {
                "price": {"at_least": "10.00", "at_most": "90", "above": "1", "below": "99.99", "equal_to": "20"},
                "tags": {"any": ["Sale"], "all": ["new"], "none": ["old"]},
                "vendors": {"any": ["Northwind"], "none": ["Acme"]},
                "types": {"any": ["Hat"]},
                "collections": {"none": ["outlet"]},
                "in_stock": True,
                "exclude": ["inputs", "cart", "purchased", "viewed"],
            },
        },
        RULE,
        {"source": "rising"},
    ],
}


def with_rule(**rule: Any) -> dict[str, Any]:
    return {"id": 1, "rules": [{"source": "viewed"}, {**RULE, **rule}]}


def test_a_data_source_is_read_whole_and_kept_as_it_was_written() -> None:
    source = read_data_source(WHOLE, SOURCES)
    first = source.rules[0]
    assert (source.id, source.name, first.limit, first.collections) == (1234, "Cross-sell", 4, ("spring",))
    assert first.when is not None
    assert first.when.cart_subtotal == Bounds(at_least=Decimal(50), below=Decimal(200))
    assert first.when.country == ("DE", "AT")
    assert first.when.since == datetime.fromisoformat("2026-11-27T00:00:00+01:00")
    assert first.filters is not None
    assert first.filters.exclude == ("inputs", "cart", "purchased", "viewed")
    again = msgspec.json.decode(msgspec.json.encode(source), type=DataSource)
    assert again == source
    put_again = decode_json(msgspec.json.encode(source))
    assert read_data_source(put_again, SOURCES) == source, "what is shown may be put again"
    shown = put_again["rules"][0]
    assert shown["when"]["cart_subtotal"] == {"at_least": "50.00", "below": "200.00"}
    assert shown["filters"]["tags"] == {"any": ["Sale"], "all": ["new"], "none": ["old"]}


def test_amounts_may_be_numbers_and_stay_decimals() -> None:
    raw = decode_json(b'{"id":1,"rules":[{"source":"viewed","filters":{"price":{"at_least":19.90}}}]}')
    filters = read_data_source(raw, SOURCES).rules[0].filters
    assert filters is not None
    assert filters.price == Bounds(at_least=Decimal("19.90"))


def test_the_callers_number_goes_before_the_id() -> None:
    assert read_data_source({"id": 5, "rules": [RULE]}, SOURCES, 7).id == 7
    assert read_data_source({"rules": [RULE]}, SOURCES, 7).id == 7


def test_what_is_empty_counts_as_absent() -> None:
    read = read_data_source(
        with_rule(name="", when=None, filters={"tags": {}, "vendors": {"any": []}, "exclude": []}), SOURCES
    )
    rule = read.rules[1]
    assert (rule.name, rule.when) == (None, None)
    assert rule.filters is not None
    assert (rule.filters.tags, rule.filters.vendors) == (None, None)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ([], "must be an object"),
        ({"rules": [RULE]}, "needs an id"),
        ({"id": 0, "rules": [RULE]}, "id is 0; it must be a whole number from 1 on"),
        ({"id": "many", "rules": [RULE]}, "id is 'many'; it must be a whole number"),
        ({"id": 1}, "needs rules"),
        ({"id": 1, "rules": []}, "needs rules"),
        ({"id": 1, "rules": {"source": "viewed"}}, "rules is {'source': 'viewed'}; it must be a list"),
        ({"id": 1, "rules": [5]}, "rules[0] must be an object"),
        ({"id": 1, "rules": [RULE], "rule": []}, "rule is not known here. Known are: id, name, description, rules"),
        ({"id": 1, "rules": [RULE] * (DATA_SOURCE_RULES_MAX + 1)}, f"at most {DATA_SOURCE_RULES_MAX} are kept"),
        ({"id": 1, "rules": [{"products": ["5"]}]}, "rules[0].source is None; it must be one of collections, rising, static"),
        (with_rule(source="best_sellers"), "rules[1].source is 'best_sellers'; it must be one of collections, rising, static"),
        (with_rule(products=[]), "rules[1].products is []; it must be a list of products, since the source is static"),
        (with_rule(source="collections"), "rules[1].products is ['632910392', 'h:red-shirt']; it must be absent"),
        (with_rule(collections=["spring"]), "only the source collections takes it"),
        (with_rule(limit=0), f"rules[1].limit is 0; it must be a whole number from 1 to {PRODUCTS_MAX}"),
        (with_rule(limits=5), "rules[1].limits is not known here"),
        (with_rule(products=["5", {}]), "rules[1].products is ['5', {}]; it must be a text"),
        (with_rule(products=[str(n) for n in range(DATA_SOURCE_NAMES_MAX + 1)]), "it must be a list of at most 1,000"),
        (with_rule(products=["x" * 256]), "texts of at most 255 characters"),
        (with_rule(name="x" * 1001), "rules[1].name is"),
        (with_rule(when=[]), "rules[1].when must be an object"),
        (with_rule(when={"cart_total": {}}), "rules[1].when.cart_total is not known here. Known are: cart_subtotal"),
        (
            with_rule(when={"cart_subtotal": {}}),
            "rules[1].when.cart_subtotal is {}; it must be an object with one of at_least",
        ),
        (with_rule(when={"cart_subtotal": {"over": "5"}}), "rules[1].when.cart_subtotal.over is not known here"),
        (with_rule(when={"cart_contains": {"tags": []}}), "rules[1].when.cart_contains is {'tags': []}; it must be an object"),
        (with_rule(when={"country": ["DEU"]}), "rules[1].when.country is ['DEU']; it must be a list of countries"),
        (with_rule(when={"from": "tomorrow"}), "rules[1].when.from is 'tomorrow'; it must be a time with its offset"),
        (with_rule(when={"from": "2026-11-27T00:00:00"}), "it must be a time with its offset"),
        (
            with_rule(when={"from": "2026-11-27T00:00:00Z", "until": "2026-11-27T00:00:00Z"}),
            "rules[1].when.until is '2026-11-27T00:00:00Z'; it must be later than from",
        ),
        (
            with_rule(filters={"price": {"at_least": "abc"}}),
            "rules[1].filters.price.at_least is 'abc'; it must be a decimal amount such as 19.90.",
        ),
        (with_rule(filters={"vendors": {"all": ["A"]}}), "rules[1].filters.vendors.all is not known here"),
        (with_rule(filters={"exclude": ["hidden"]}), "it must be a list of inputs, cart, purchased, viewed"),
        (with_rule(filters={"in_stock": "maybe"}), "rules[1].filters.in_stock is 'maybe'; it must be true or false"),
    ],
)
def test_what_is_wrong_is_named_with_its_place_and_what_it_must_be(raw: object, said: str) -> None:
    with pytest.raises(ShapeError) as failure:
        read_data_source(raw, SOURCES)
    assert said in str(failure.value)


def test_a_choice_of_names_is_compared_in_any_case_of_letters() -> None:
    choice = Choice(any=("Sale", "new"), all=("Cotton",), none=("OLD",))
    assert choice.allows(frozenset({"sale", "cotton"}))
    assert not choice.allows(frozenset({"cotton"}))
    assert not choice.allows(frozenset({"sale"}))
    assert not choice.allows(frozenset({"sale", "cotton", "old"}))
    assert Choice(none=("old",)).allows(frozenset())
