"""What the routes work with: the service hands it over, so that this room builds nothing itself."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from footfall.clock import Clock
from footfall.identifiers import Position, ShopId
from footfall.intake.accept import Intake
from footfall.intake.catalog import CatalogIntake
from footfall.intake.data_sources import DataSourceIntake
from footfall.intake.webhooks import Webhooks
from footfall.log.port import Log, Stream
from footfall.projections.analytics.asking import Analytics
from footfall.projections.bought import Buyers
from footfall.projections.catalog import Catalog
from footfall.projections.data_sources import DataSources
from footfall.projections.event_ids import EventIds
from footfall.projections.history import History
from footfall.projections.identity import Identity
from footfall.projections.live_feeds import LiveFeeds
from footfall.projections.names import Names
from footfall.projections.outcomes import Outcomes
from footfall.projections.rankings import Rankings
from footfall.projections.recommendations.answers import Answers
from footfall.projections.recommendations.content import Contents
from footfall.projections.recommendations.recommender import Recommender
from footfall.projections.rejections import Rejections
from footfall.projections.shops import Shops
from footfall.projections.sightings import Sightings


@dataclass(frozen=True)
class Parts:
    """Everything that a question may ask."""

    log: Log
    intake: Intake
    shops: Shops
    history: History
    identity: Identity
    catalog: Catalog
    catalog_intake: CatalogIntake
    webhooks: Webhooks
    sightings: Sightings
    names: Names
    rankings: Rankings
    buyers: Buyers
    recommender: Recommender
    contents: Contents
    answers: Answers
    analytics: Analytics
    data_sources: DataSources
    data_source_intake: DataSourceIntake
    event_ids: EventIds
    rejections: Rejections
    outcomes: Outcomes
    live_feeds: LiveFeeds
    covered: Callable[[Stream], Mapping[int, Position]]
    """Up to where answers cover a stream, by partition: what every question asked now sees."""
    clock: Clock
    unready: Callable[[], Mapping[str, str]]
    """The parts that collection and history need and that are not up, with why; empty when ready."""
    pending: Callable[[], Mapping[str, str]]
    """Other parts that are not up yet, with why."""
    lags: Callable[[ShopId], Mapping[str, int]]
    """How many records of the log each projection has not taken in, for a shop."""
    disk_left: Callable[[], int]
    """Bytes free on the disk of the data directory."""
    probe: Callable[[], Awaitable[None]]
    """Writes to the log to learn whether it can be written; raises ``LogUnavailableError``."""
