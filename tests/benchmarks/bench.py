"""One run of the benchmarks: how long everything takes, where it keeps its data, and the big store once it is wanted."""

import itertools
import os
import shutil
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.events import VISITORS
from tests.benchmarks.load import Kind, Outcome, Traffic, drive
from tests.benchmarks.store import Store, prepare

CONNECTIONS = 64
BATCH_CONNECTIONS = 16
RATE = 1_000
"""Requests a second where the rate is fixed."""


@dataclass
class Bench:
    """What the measurements share.

    ``directory`` is on the disk that is measured. With ``keep`` the big store stays as it was built, for the next run, and
    the measurements work on a copy.
    """

    directory: Path
    events: int
    quick: bool = False
    keep: bool = False
    begin: float = field(default_factory=time.perf_counter)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    _store: Store | None = None

    @property
    def rounds(self) -> int:
        """How often a short measurement is repeated."""
        return 1 if self.quick else 5

    def lasting(self, seconds: float) -> float:
        """How long a measurement of so many seconds takes in this run."""
        return min(seconds, 2.0) if self.quick else seconds

    def new_data(self) -> Path:
        """A data directory that isn't there yet."""
        return self.directory / f"data-{next(self._numbers)}"

    def discard(self, data: Path) -> None:
        """Give the disk back."""
        shutil.rmtree(data, ignore_errors=True)

    def say(self, text: str) -> None:
        """Progress, on standard error."""
        print(f"[{time.perf_counter() - self.begin:6.0f} s] {text}", file=sys.stderr, flush=True)

    @property
    def store(self) -> Store:
        """The big store, built when it is first asked for; ``store_data`` is where."""
        if self._store is None:
            self.say(f"preparing a store with {self.events:,} events")
            pristine = self.directory / f"store-{self.events}"
            self._store = prepare(pristine, self.events)
            if self.keep:
                self.say("copying it")
                self.discard(self.store_data)
                shutil.copytree(pristine, self.store_data)
            # What was just written must not be on its way to the disk while something is measured.
            os.sync()
        return self._store

    @property
    def store_data(self) -> Path:
        """The data directory on which measurements of the big store work, one after the other."""
        return self.directory / ("work" if self.keep else f"store-{self.events}")

    def drive(
        self, url: str, kind: Kind, seconds: float, *, visitors: int = VISITORS, rate: float = 0, first: int = 0
    ) -> Outcome:
        """Traffic on as many connections as its kind takes in all measurements."""
        connections = BATCH_CONNECTIONS if kind.startswith("batch") else CONNECTIONS
        traffic = Traffic(
            url=url, kind=kind, visitors=visitors, seconds=seconds, connections=connections, rate=rate, first=first
        )
        return drive(traffic)
