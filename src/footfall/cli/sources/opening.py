"""Opening a file that a command names, or standard input."""

import io
import sys
from pathlib import Path
from typing import Final, cast

from footfall.errors import InputInvalidError
from footfall.intake.opening import Opened, looks_like

STANDARD_INPUT: Final = "-"


class OpenFile(Opened):
    """A file or standard input, unpacked."""

    def __init__(self, path: Path) -> None:
        """Raises ``OSError``, or ``InputInvalidError`` where a name says gzip and the content does not."""
        if str(path) == STANDARD_INPUT:
            super().__init__(cast("io.BufferedReader", sys.stdin.buffer), "standard input")
            return
        super().__init__(path.open("rb"), str(path), path.stat().st_size)
        if path.suffix == ".gz" and not self.packed:
            self.close()
            raise InputInvalidError(f"{self.name} is named .gz and isn't gzip.")

    def require(self, form: str, *, also: tuple[str, ...] = ()) -> None:
        """Raise ``InputInvalidError`` where the file looks like another format than this."""
        looks = looks_like(self.head())
        if looks is None or looks in (form, *also):
            return
        if looks == "array":
            raise InputInvalidError(f"{self.name} is a JSON array. Write one event a line instead: jq -c '.[]' FILE")
        if looks == "binary":
            raise InputInvalidError(f"{self.name} is no text, so it isn't {form}.")
        raise InputInvalidError(f"{self.name} looks like {looks}, not like {form}. Use --format {looks}.")
