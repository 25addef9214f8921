"""The guide at ``/docs/moving`` as a reader has it: its snippets, each by the id that it has on the page."""

import html
import re
from collections.abc import Mapping

import httpx

OTHER = "https://other-host.example"
"""How the guide calls the host that one moves from."""


def snippets(url: str) -> Mapping[str, str]:
    """The snippets of the guide of this server, with its address in them."""
    page = httpx.get(url + "/docs/moving", timeout=30).text
    return {name: html.unescape(text) for name, text in re.findall(r'<pre id="([a-z]+)">(.*?)</pre>', page, re.DOTALL)}
