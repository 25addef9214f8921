"""Where the browser's files are: in the wheel beside the code, in a checkout at its top."""

from pathlib import Path
from typing import Final

_HERE: Final = Path(__file__).parent


def folder() -> Path:
    """The folder ``sdk``. Raises ``FileNotFoundError`` where an installation has none."""
    for place in (_HERE / "sdk", _HERE.parents[1] / "sdk"):
        if (place / "footfall.js").is_file():
            return place
    raise FileNotFoundError(f"Footfall's browser files are missing: {_HERE / 'sdk'}. Install it again.")
