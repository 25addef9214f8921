"""A question about a file is stopped while the file is read."""

import gzip
from pathlib import Path

import pytest

from footfall.errors import InputInvalidError
from footfall.intake.order_exports import exported_orders
from footfall.service.analytics.process import Stoppable
from tests.unit.intake.order_tables import COLUMNS


def test_an_export_is_read_no_further_once_it_is_stopped(tmp_path: Path) -> None:
    path, left = tmp_path / "orders.csv.gz", [50]
    path.write_bytes(gzip.compress(",".join(COLUMNS).encode() + b"\n" + b"#1,\n" * 1_000))

    def stop() -> None:
        left[0] -= 1
        if not left[0]:
            raise InputInvalidError("It was stopped.")

    with path.open("rb") as raw, pytest.raises(InputInvalidError, match="stopped"):
        list(exported_orders(Stoppable(raw, path.name, stop)))
    assert left == [0]
