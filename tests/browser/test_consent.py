"""Consent in the browser: what waits for it, what a refusal takes away, and what Global Privacy Control means."""

from typing import Any

from playwright.sync_api import Page

from tests.browser.events import eventually, script, stored
from tests.browser.shopfront import Shopfront
from tests.support import Server

NAMES = "Object.keys(localStorage).filter((name) => name !== 'footfall.script').sort()"


def opened(page: Page, front: Shopfront, footfall: Server, **attributes: str) -> None:
    """Open a page with the script on it."""
    page.goto(front.show("/", head=script(footfall, **attributes)))


def of_term(footfall: Server, term: str) -> list[dict[str, Any]]:
    """The events of a term that only one test uses: those without a visitor can be told by nothing else."""
    return [event for event in stored(footfall) if event.get("defined_noun_id") == term]


def search(term: str) -> str:
    """The call that tells of a search."""
    return f"footfall.track('user', 'searched', 'term', {{ defined_noun_id: '{term}' }})"


def test_where_consent_is_required_nothing_is_kept_or_sent_before_it_is_given(
    page: Page, front: Shopfront, footfall: Server
) -> None:
    opened(page, front, footfall, consent="required")
    page.evaluate(search("waits"))
    page.wait_for_timeout(1_500)
    assert of_term(footfall, "waits") == []
    assert page.evaluate(NAMES) == []
    assert page.evaluate("[footfall.uuid, footfall.session, document.cookie, footfall.allowed]") == [None, None, "", None]
    page.evaluate("footfall.consent(true)")
    found = eventually(page, lambda: of_term(footfall, "waits"))
    assert [(event["uuid"], event["consent"]) for event in found] == [(page.evaluate("footfall.uuid"), "granted")]


def test_consent_that_was_given_holds_on_the_next_page(page: Page, front: Shopfront, footfall: Server) -> None:
    opened(page, front, footfall, consent="required")
    page.evaluate("footfall.consent(true)")
    uuid = page.evaluate("footfall.uuid")
    page.reload()
    assert page.evaluate("footfall.uuid") == uuid


def test_what_was_done_before_a_refusal_and_is_not_sent_yet_is_nobodys(page: Page, front: Shopfront, footfall: Server) -> None:
    opened(page, front, footfall)
    page.route("**/analytics/**", lambda route: route.abort())
    page.evaluate("footfall.identify('7');" + search("unsent"))
    assert any(name.startswith("footfall.event.") for name in page.evaluate(NAMES))
    page.evaluate("footfall.consent(false)")
    assert page.evaluate(NAMES) == ["footfall.consent"]
    page.evaluate(search("unsent"))
    assert page.evaluate(NAMES) == ["footfall.consent"], "of a visitor who refused nothing is kept"
    page.unroute("**/analytics/**")
    page.evaluate("dispatchEvent(new Event('online'))")
    found = eventually(page, lambda: of_term(footfall, "unsent"), lambda events: len(events) == 2)
    assert all(event["consent"] == "denied" and not {"uuid", "rsid", "customer_id"} & event.keys() for event in found)


def test_what_can_not_be_told_costs_nothing_else_that_waits(page: Page, front: Shopfront, footfall: Server) -> None:
    opened(page, front, footfall, consent="required")
    page.evaluate("footfall.track('user', 'searched', 'term', { value: 1n });" + search("beside"))
    page.evaluate("footfall.consent(true)")
    assert len(eventually(page, lambda: of_term(footfall, "beside"))) == 1


def test_who_was_named_before_consent_is_known_on_the_next_page(page: Page, front: Shopfront, footfall: Server) -> None:
    opened(page, front, footfall, consent="required")
    page.evaluate("footfall.identify('7')")
    assert page.evaluate(NAMES) == []
    page.evaluate("footfall.consent(true)")
    page.reload()
    page.evaluate(search("named"))
    (found,) = eventually(page, lambda: of_term(footfall, "named"))
    assert found["customer_id"] == "7"


def test_what_waited_counts_without_anybody_where_consent_is_refused(page: Page, front: Shopfront, footfall: Server) -> None:
    opened(page, front, footfall, consent="required")
    page.evaluate("footfall.identify('7');" + search("refused"))
    page.evaluate("footfall.consent(false)")
    (found,) = eventually(page, lambda: of_term(footfall, "refused"))
    assert found["consent"] == "denied"
    assert not {"uuid", "rsid", "customer_id"} & found.keys()
    assert page.evaluate(NAMES) == ["footfall.consent"]


def test_a_refusal_takes_the_identity_and_consent_gives_a_new_one(page: Page, front: Shopfront, footfall: Server) -> None:
    opened(page, front, footfall)
    page.evaluate("footfall.identify('7')")
    before = page.evaluate("footfall.uuid")
    page.evaluate("footfall.consent(false)")
    assert page.evaluate("[footfall.uuid, footfall.session, footfall.allowed]") == [None, None, False]
    assert page.evaluate(NAMES) == ["footfall.consent"]
    assert page.evaluate("footfall.recentlyViewed()") == []
    page.reload()
    page.evaluate(search("after a refusal"))
    (found,) = eventually(page, lambda: of_term(footfall, "after a refusal"))
    assert "uuid" not in found
    page.evaluate("footfall.consent(true)")
    after = page.evaluate("footfall.uuid")
    assert after not in (None, before)
    page.evaluate(search("then given"))
    (found,) = eventually(page, lambda: of_term(footfall, "then given"))
    assert (found["uuid"], found["consent"], "customer_id" in found) == (after, "granted", False)


def test_the_shops_own_id_comes_back_with_consent(page: Page, front: Shopfront, footfall: Server) -> None:
    opened(page, front, footfall, uuid="shop-1")
    page.evaluate("footfall.consent(false)")
    assert page.evaluate("footfall.uuid") is None
    page.evaluate("footfall.consent(true)")
    assert page.evaluate("footfall.uuid") == "shop-1"


def test_global_privacy_control_is_told_and_refuses_only_where_the_shop_says_so(
    page: Page, front: Shopfront, footfall: Server
) -> None:
    page.add_init_script("Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', { get: () => true })")
    opened(page, front, footfall)
    page.evaluate(search("gpc told"))
    (told,) = eventually(page, lambda: of_term(footfall, "gpc told"))
    assert (told["gpc"], "uuid" in told) == (True, True)
    opened(page, front, footfall, gpc="refuse")
    page.evaluate(search("gpc refuses"))
    (refused,) = eventually(page, lambda: of_term(footfall, "gpc refuses"))
    assert (refused["gpc"], refused["consent"], "uuid" in refused) == (True, "denied", False)


def test_without_the_signal_the_setting_refuses_nothing(page: Page, front: Shopfront, footfall: Server) -> None:
    opened(page, front, footfall, gpc="refuse")
    page.evaluate(search("no signal"))
    (told,) = eventually(page, lambda: of_term(footfall, "no signal"))
    assert ("gpc" in told, "uuid" in told) == (False, True)
