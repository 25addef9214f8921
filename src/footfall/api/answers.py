"""``/api/v1/answers/{id}``: what an answer was made of, for the shop's own servers."""

from typing import Any

import msgspec

from footfall.api.exchange import NO_STORE, Answer, Exchange, Refused, json_answer
from footfall.api.keys import require_secret
from footfall.api.parts import Parts

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
        fields: dict[str, Any] = msgspec.to_builtins({name: getattr(made, name) for name in made.__struct_fields__})
        products = [{"product": key, "reasons": [reason]} for key, reason in made.products]
        return json_answer({"data": {"id": answer_id, **fields, "products": products}}, headers=[NO_STORE])
