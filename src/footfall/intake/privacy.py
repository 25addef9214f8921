"""What must not be stored as it came: emails, user agents, IP addresses, and who somebody is when consent is refused."""

import hmac
import re
from collections.abc import Collection
from functools import lru_cache
from typing import Any, Final, Literal
from urllib.parse import unquote

import crawleruseragents
import msgspec

_EMAIL: Final = re.compile(
    # Begins where a word does, or behind a percent-escape such as %3D, so that `?email=jane@…` gives the email's own HMAC;
    # `/`, `=`, `?` and `&` stand in addresses hardly ever and in URLs always. The bounds keep the search linear.
    r"(?:(?<=%[0-9A-Fa-f]{2})|(?<![\w.+'-]))(?!(?<=%)[0-9A-Fa-f]{2})"
    r"(?P<name>(?:[\w.+'-]|%2[BbDdEe7]|%5[Ff]){1,128})(?:@|%(?:25)?40)(?P<domain>[\w-]{1,63}(?:\.[\w-]{1,63})+)"
)
_EMAIL_HMAC: Final = re.compile(r"hmac:[0-9a-f]{64}")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_USER_AGENT: Final = re.compile(r"Mozilla(?:/|%2[Ff])\d[^\"]*")
_KNOWN_CHARACTERS_MIN: Final = 4
"""Shorter ids are not looked for inside texts: they would take half the text with them."""

EMAIL_FIELDS: Final = frozenset({"subject_email", "email", "customer_email", "user_email", "subjectemail"})
"""Fields, in lower case, whose value is an email: kept as its HMAC."""

DROPPED_FIELDS: Final = frozenset(
    {"useragent", "user_agent", "user-agent", "ua", "browser_user_agent", "client_user_agent", "ip", "ip_address", "ipaddress",
     "client_ip", "clientip", "client_ip_address", "browser_ip", "remote_ip", "remoteip", "remote_addr", "x-forwarded-for"}
)  # fmt: skip
"""Fields, in lower case, that are never stored: full user agents and addresses."""

_LIBRARIES: Final = (
    "python-", "python/", "aiohttp", "axios", "node", "undici", "got ", "got/", "curl/", "wget/", "go-http-client", "okhttp",
    "java/", "apache-httpclient", "ruby", "faraday", "guzzlehttp", "php", "postmanruntime", "deno", "bun", "footfall",
)  # fmt: skip
"""How user agents of HTTP libraries begin, in lower case: the servers of headless shops send with them, and are no robots."""

_PERSONAL_NAMES: Final = frozenset(
    {"uuid", "customerid", "customer", "userid", "user", "anonymousid", "visitorid", "visitor", "clientid", "cid", "deviceid",
     "rsid", "session", "sessionid", "carttoken", "checkouttoken", "phone", "customerphone", "firstname", "lastname"}
)  # fmt: skip
"""Names of fields that say who somebody is, without case, dashes, underscores and the prefix ``shopify``; emails apart."""
_EMAIL_NAMES: Final = frozenset({"email", "subjectemail", "customeremail", "useremail", "emailhmac", "subjectemailhmac"})
_PERSONAL_IN_TEXT: Final = re.compile(
    r"""(?P<name>["']?\b(?:uuid|(?:shopify_)?customer_?id|rsid|event_?id|(?:shopify_)?cart_?token|checkout_?token|"""
    r"""user_?id|anonymous_?id|session_?id|(?:subject_|customer_|user_)?email|user_?agent|(?:client_)?ip(?:_?address)?)"""
    r"""["']?\s*[:=]\s*)(?:"(?:[^"\\]|\\.)*"?|[^\s"',;&}\]]+)""",
    re.IGNORECASE,
)

Device = Literal["mobile", "tablet", "desktop"]


def email_hmac(email: str, key: bytes) -> str:
    """HMAC-SHA256 (hex) of an email, trimmed and lower-cased, under the shop's own key.

    What stands in the quarantine for an email (``hmac:`` and its HMAC) stays what it is, so that a resubmission keeps it.
    """
    if _EMAIL_HMAC.fullmatch(email):
        return email[5:]
    return hmac.digest(key, email.strip().lower().encode("utf-8", "replace"), "sha256").hex()


def without_emails(text: str, key: bytes) -> str:
    """The text with each email address in it replaced by ``hmac:`` and its HMAC under the shop's own key; what is percent-
    encoded counts as what it stands for."""
    if "@" not in text and ("%" not in text or "40" not in text):
        return text
    return _EMAIL.sub(lambda match: "hmac:" + email_hmac(f"{unquote(match['name'])}@{match['domain']}", key), text)


def without_private(text: str, key: bytes) -> str:
    """A client's text as it may be kept: emails as their HMAC, no full user agent."""
    if "Mozilla" in text:
        text = _USER_AGENT.sub("<user agent>", text)
    return without_emails(text, key)


def without_identities(text: str, key: bytes) -> str:
    """For a body that could not be read field by field: emails as their HMAC, the values of fields that say who somebody is
    and everything shaped like a UUID left out."""
    text = without_private(text.replace("\\u0040", "@"), key)
    return _UUID.sub("<uuid>", _PERSONAL_IN_TEXT.sub(r"\g<name><left out>", text))


def anonymous(value: Any, known: Collection[str], *, keep_email_hmacs: bool = False) -> Any:
    """A scrubbed value with nothing left that says who somebody is: no field of such a name at any depth, nothing shaped like
    a UUID, none of the ``known`` ids, and no HMAC of an email unless those are kept."""
    if isinstance(value, str):
        text = _UUID.sub("<uuid>", value if keep_email_hmacs else _EMAIL_HMAC.sub("<email>", value))
        for one in known:
            if text == one:
                return "<id>"
            if len(one) >= _KNOWN_CHARACTERS_MIN:
                text = text.replace(one, "<id>")
        return text
    if isinstance(value, list):
        return [anonymous(item, known, keep_email_hmacs=keep_email_hmacs) for item in value]
    if isinstance(value, dict):
        return {
            anonymous(name, known, keep_email_hmacs=keep_email_hmacs): anonymous(
                item, known, keep_email_hmacs=keep_email_hmacs
            )
            for name, item in value.items()
            if not is_personal(name, but_emails=keep_email_hmacs)
        }
    if isinstance(value, int | float) and not isinstance(value, bool) and str(value) in known:
        return None
    return value


def is_personal(name: str, *, but_emails: bool = False) -> bool:
    """Whether a field of this name says who somebody is."""
    plain = name.lower().replace("_", "").replace("-", "").removeprefix("shopify")
    return plain in _PERSONAL_NAMES or (plain in _EMAIL_NAMES and not but_emails)


@lru_cache(maxsize=4096)
def device_and_bot(user_agent: str) -> tuple[Device | None, bool]:
    """The class of device that a user agent tells, and whether it is a known robot. The user agent itself goes no further."""
    if not user_agent or user_agent.lower().startswith(_LIBRARIES):
        return None, False
    bot = bool(crawleruseragents.is_crawler(user_agent))
    if "iPad" in user_agent or "Tablet" in user_agent or ("Android" in user_agent and "Mobile" not in user_agent):
        return "tablet", bot
    if "Mobi" in user_agent or "iPhone" in user_agent:
        return "mobile", bot
    return "desktop", bot


def read_consent(value: object) -> Literal["granted", "denied"] | None:
    """Consent as clients say it: ``granted`` or ``denied``, or an object with the boolean ``analytics`` (its JSON, where it
    stands in a query string); else ``None``."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError):
            return None
    if isinstance(value, dict):
        value = value.get("analytics")
    if isinstance(value, bool):
        return "granted" if value else "denied"
    word = value.strip().lower() if isinstance(value, str) else ""
    if word in ("denied", "false", "no", "declined"):
        return "denied"
    return "granted" if word in ("granted", "true", "yes", "accepted") else None
