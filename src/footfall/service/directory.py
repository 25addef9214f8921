"""What lies in a data directory, by name. Who only opens a file there needs nothing of the service."""

from typing import Final

LOG_FILE: Final = "log.db"
STATE_FILE: Final = "state.db"
