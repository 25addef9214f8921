"""One tree of failures of the *system*. A bad *event* is no exception but a value (``intake.rejection.Rejected``).

Each class's docstring is its default message, so that what the documentation says and what a user reads can't drift apart.
"""

import inspect


class FootfallError(Exception):
    """Footfall could not do this."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or inspect.cleandoc(type(self).__doc__ or ""))


class SettingInvalidError(FootfallError):
    """A setting has a value that can't be used."""


class LogUnavailableError(FootfallError):
    """The log can't be written now, so nothing was acknowledged. Send again later."""


class OverloadedError(LogUnavailableError):
    """More is waiting to be stored than may wait, so nothing was acknowledged. Send again later."""


class NotReadyError(FootfallError):
    """This part of the server is not up yet."""


class PositionNotReachedError(FootfallError):
    """The position in `after` was not reached in time. Ask again."""


class DataDirectoryTakenError(FootfallError):
    """Another process owns this data directory."""


class StoreTooNewError(FootfallError):
    """This data directory was written by a newer version of Footfall. Install that version, or a newer one."""


class StoreDamagedError(FootfallError):
    """A file of this data directory can't be read. Run `footfall verify`."""


class EngineTooOldError(FootfallError):
    """SQLite 3.51.3 or newer is needed: older ones can corrupt a database when its write-ahead log is reset."""


class NotFoundError(FootfallError):
    """There is no such thing."""


class AlreadyThereError(FootfallError):
    """There is one of this name already."""


class InputInvalidError(FootfallError):
    """This input can't be used."""


class AnalyticsUnavailableError(FootfallError):
    """Analytics can't be asked now. Collection and lists go on. Ask again later."""
