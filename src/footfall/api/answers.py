"""``/api/v1/answers/{id}``: what an answer was made of, for the shop's own servers."""

from typing import Any

from footfall.api.exchange import NO_STORE, Answer, Exchange, Refused, json_answer
from footfall.api.keys import require_secret
from footfall.api.parts import Parts
from footfall.api.recommending import reason, shown_own

ANSWERS = "/api/v1/answers"


class AnswerRoute:
    """The handler."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def __call__(self, exchange: Exchange) -> Answer:
        shop = require_secret(exchange, self._parts.shops)
        answer_id = exchange.path.removeprefix(ANSWERS + "/")
        made = self._parts.answers.find(shop.id, answer_id)
        if made is None:
            raise Refused(
                404,
                f"No answer {answer_id[:100]!r} of this shop is known. The last ones are kept (setting answers_kept) until "
                "the server restarts or their visitor is forgotten.",
            )
        fields: dict[str, Any] = {name: getattr(made, name) for name in ("list", "at", "position", "settings")}
        asked = {"of_visitor": made.of_visitor, "products": [shown_own(own) for own in made.owns]}
        products = [{"product": key, "reasons": [reason(made.list, why, made.owns)]} for key, why in made.products]
        return json_answer({"data": {"id": answer_id, **fields, "asked": asked, "products": products}}, headers=[NO_STORE])
