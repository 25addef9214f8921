"""What the process logs: no field that is named like a secret or a person."""

import pytest

from footfall.service.logs import _without_secrets


@pytest.mark.parametrize(
    "name",
    ["secret", "secret_key", "Authorization", "email", "subject_email", "token", "public_key", "uuid", "customer_id"],
)
def test_a_field_named_like_a_secret_or_a_person_is_withheld(name: str) -> None:
    assert _without_secrets(None, "info", {"event": "x", name: "value"}) == {"event": "x", name: "<withheld>"}


def test_other_fields_are_kept() -> None:
    fields = {"event": "ready", "port": 8080, "error": "no room"}
    assert _without_secrets(None, "info", dict(fields)) == fields
