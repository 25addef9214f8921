"""Every bound of Footfall, each with its reason. A number that refuses, cuts or waits stands here and nowhere else."""

from typing import Final

# --- one request -------------------------------------------------------------------------------------------------

EVENT_BYTES_MAX: Final = 32 * 1024
"""One event as sent. A real one has 300 to 2,000 bytes; more is a page's content, not an event."""

BATCH_EVENTS_MAX: Final = 1_000
"""Events in one request: ten times what the inherited interface documents, and still decoded within ten milliseconds."""

BATCH_TOKENS_MAX: Final = 100_000
"""Brackets, commas and texts that are looked at to tell the events of a batch apart where one is nested too deeply: 60 ms."""

BODY_BYTES_MAX: Final = 2 * 1024 * 1024
"""A request's body, packed and unpacked alike, so that a compressed body can't unpack to more than it may be."""

QUERY_BYTES_MAX: Final = 32 * 1024
"""A query string: callers of the inherited interface switch to POST at 32,000 bytes."""

QUERY_FIELDS_MAX: Final = 200
"""Fields in a query string or form: a widget passes about forty."""

HEAD_BYTES_MAX: Final = 64 * 1024
"""A request's line and headers: twice the longest query string."""

HEAD_WAIT_SECONDS: Final = 20
"""How long a client may take to send its request's head, counted from the connection or the head's first byte."""

BODY_WAIT_SECONDS: Final = 20
"""How long a client may take to send its body: a slow phone needs seconds, an attacker would take for ever."""

# --- all requests together ---------------------------------------------------------------------------------------

WAITING_BYTES_MAX: Final = 64 * 1024 * 1024
"""Bodies held at any time, all connections together. Beyond that: 503 before the body is read."""

WAITING_EVENTS_MAX: Final = 20_000
"""Events accepted and not yet durable, all connections together: a third of a second of work at full speed."""

REQUESTS_MAX: Final = 4_096
"""Requests under way at once; beyond that 503. Each holds at most a body, which ``WAITING_BYTES_MAX`` bounds."""

RETRY_AFTER_SECONDS: Final = 5
"""What a 503 asks a client to wait: long enough for a merge or a freed disk, short enough that nobody gives up."""

AFTER_WAIT_SECONDS: Final = 5
"""How long a read waits for the position in ``after=`` before it answers 503."""

OPEN_FILES_MAX: Final = 65_536
"""Connections and files the process may have open, where the system lets it: the usual 1,024 are too few for a busy shop."""

PROBE_SECONDS: Final = 1
"""For how long ``/ready`` trusts its last write to the log: anybody may ask it, and each answer would cost an fsync."""

SHUTDOWN_SECONDS: Final = 8
"""What a stopping server gives to requests under way; the promise is 10 s in all."""

# --- one event's fields ------------------------------------------------------------------------------------------

EMAIL_CHARACTERS_MAX: Final = 320
"""An email: 64 characters, an @ and 255 (RFC 3696, errata). What is longer is none and is left out of its event."""

IDENTITY_CHARACTERS_MAX: Final = 128
"""A uuid, customer id or event id (semantics: 1 to 128 printable characters)."""

PRODUCT_REFERENCE_CHARACTERS_MAX: Final = 255
"""A product id, variant id or handle: Shopify's handles have at most 255 characters."""

TEXT_CHARACTERS_MAX: Final = 2_048
"""Any other text of an event, such as a URL."""

TAGS_MAX: Final = 100
"""Tags on one event."""

META_KEYS_MAX: Final = 250
"""Keys in an event's ``meta``: a search with all its results has about a hundred."""

UNKNOWN_FIELDS_MAX: Final = 100
"""Fields of an event that Footfall doesn't know and keeps all the same."""

FIELD_DEPTH_MAX: Final = 16
"""Lists and objects inside each other in an unknown field: deeper ones would exhaust the stack of whoever reads the log."""

WARNINGS_MAX: Final = 20
"""Warnings in one receipt; an event with more mistakes than this has been told enough."""

CLOCK_SKEW_CLAMPED_MS: Final = 5 * 60 * 1000
"""A time later than the arrival is set to the arrival, and flagged when it was later by more than this."""

LATE_AFTER_MS: Final = 48 * 60 * 60 * 1000
"""An event older than this on arrival is flagged ``late``."""

# --- the log -----------------------------------------------------------------------------------------------------

GROUP_RECORDS_MAX: Final = 5_000
"""Records in one transaction: 10 ms of writing, so that no acknowledgement waits long behind another's batch."""

IMPORT_CHUNK_EVENTS_MAX: Final = 250
"""Events in one chunk of an import, the second lane: each step of one, decoding to following, holds the event loop under a
millisecond."""

READ_RECORDS_MAX: Final = 10_000
"""Records in one read of the log: a read transaction is held over no more, so that the WAL can be reset."""

LOG_BLOCK_POSITIONS: Final = 10_000
"""Positions under one checksum. Stored on disk: do not change."""

WAL_PAGES_CHECKPOINT: Final = 4_000
"""Pages (4 KiB) in the write-ahead log of ``log.db`` at which it is written back: 16 MB, about 10 ms of work."""

STATE_WAL_PAGES_CHECKPOINT: Final = 48_000
"""The same for ``state.db``: 190 MB. A merge touches a page for nearly every row, and pages that several merges touched are
written back once; reading it again after a crash takes a third of a second."""

STATE_PRELOAD_BYTES_MAX: Final = 4 * 1024 * 1024 * 1024
"""How much of ``state.db`` the system is asked to read into its memory after a start: the system drops it as it needs to."""

# --- projections -------------------------------------------------------------------------------------------------

TAIL_EVENTS_MERGE: Final = 50_000
"""Events in the tails at which they are merged into ``state.db``."""

TAIL_MERGE_SECONDS: Final = 5
"""The longest a changed tail waits to be merged: what a restart after a crash has to read again."""

TAIL_EVENTS_MAX: Final = 400_000
"""Events in the tails at which collection is refused: ``state.db`` can't be written, and memory has an end."""

MERGE_SLICE_ROWS: Final = 1_000
"""Rows of columns in one transaction of a merge: encoding them holds Python's lock for half a millisecond, and no longer."""

RUNS_MAX: Final = 32
"""Sorted runs of one table at which joining them goes before merging more: each costs a question five microseconds."""

RUNS_JOINED_MAX: Final = 64
"""Sorted runs that are joined at once."""

TIDY_STEPS: Final = 32
"""Steps of joining and dropping runs after one merge: about a second of work, so that positions are saved soon."""

EVENT_ID_DAYS: Final = 7
"""For how many days a client-made event id is remembered (default of the setting)."""

EVENT_ID_FILTER_BYTES_MAX: Final = 192 * 1024 * 1024
"""Memory of the filters that tell new event ids: 140 million ids in the window. Beyond it, every id is looked up."""

HISTORY_EVENTS_READ_MAX: Final = 10_000
"""Newest events of one visitor that one question to the visitor history looks at: 10 ms for one who hammers reload."""

HISTORY_QUESTION_EVENTS_READ_MAX: Final = 50_000
"""Events that one question looks at, all visitors of a customer together: 50 ms where every device is hammered."""

HISTORY_VISITORS_READ_MAX: Final = 1_000
"""Visitors (uuids) of one customer that one question looks at, the latest named first."""

STRETCHES_READ_MAX: Final = 10_000
"""Changes of customer on one uuid that one question looks at; a shop's shared tablet has one an hour."""

SIGHTINGS_CACHE_MAX: Final = 50_000
"""Products of which it is kept in memory what the events told, all shops together: 20 MB."""

DUPLICATES_KEPT_MAX: Final = 100_000
"""Deliveries of an event already stored, kept to answer "where is my event?"; the oldest go first."""

QUARANTINE_EVENTS_MAX: Final = 100_000
"""Rejected events kept a shop; the oldest go first."""

QUARANTINE_BYTES_MAX: Final = 256 * 1024 * 1024
"""Bytes of rejected events kept a shop; the oldest go first."""

QUARANTINE_DAYS: Final = 30
"""Days for which a rejected event is kept."""

ARRIVALS_BACK_DAYS_MAX: Final = QUARANTINE_DAYS + 1
"""Days by which an event may have come earlier than one that stands before it in the log: one that is submitted again bears
its first arrival, and clocks are set back, by hours where one was taken for local time."""

ORIGINAL_BYTES_MAX: Final = EVENT_BYTES_MAX
"""How much of a rejected event's original is kept."""

# --- the catalog -------------------------------------------------------------------------------------------------

CATALOG_TEXT_CHARACTERS_MAX: Final = 512 * 1024
"""Any text of a product: Shopify takes descriptions of up to 512 KB."""

PRODUCT_VARIANTS_MAX: Final = 2_048
"""Variants of a product, as at Shopify."""

PRODUCT_IMAGES_MAX: Final = 250
"""Images of a product, as at Shopify."""

PRODUCT_METAFIELDS_MAX: Final = 250
"""Metafields of a product or variant."""

COLLECTION_PRODUCTS_MAX: Final = 100_000
"""Products of a collection: a list of 1.5 MB."""

CATALOG_BATCH_MAX: Final = 250
"""Products or collections in one request or command, as on a page of Shopify's: 30 ms of work, in slices."""

CATALOG_CHUNK_BYTES_MAX: Final = 2 * 1024 * 1024
"""Bytes of products that a command sends to the owner at once."""

CATALOG_FILE_BYTES_MAX: Final = 256 * 1024 * 1024
"""A file of products that is one JSON text, and so is read whole. Lines and CSV have no such bound."""

CATALOG_LINE_BYTES_MAX: Final = 4 * 1024 * 1024
"""One line of a file of products: a product with all its texts at their bounds is larger, and none is real."""

TRAILS_CACHE_MAX: Final = 50_000
"""Visitors of whom memory holds that no customer was named on them: 10 MB. Once there are so many it starts anew."""

CATALOG_CACHE_BYTES_MAX: Final = 64 * 1024 * 1024
"""Product objects kept ready to answer in memory, all shops together: about 20,000, those asked for last."""

CARD_FILE_BYTES_MAX: Final = 1024 * 1024 * 1024
"""Product objects kept ready to answer in a file without a name in the data directory: those of 200,000 products with five
variants each. Once it is full it starts anew."""

CARD_FILE_PRODUCTS_MAX: Final = 250_000
"""Product objects in that file: what tells where they are takes 50 MB."""

CARD_FILE_VIEWS_MAX: Final = 64
"""Ways of showing a product (country, metafields, without variants) of which that file keeps product objects."""

DISK_LEFT_FOR_CARDS_MIN: Final = 4 * 1024 * 1024 * 1024
"""Bytes free on the disk below which that file does not grow: events come first."""

CATALOG_NAMES_CACHE_MAX: Final = 150_000
"""Ids, handles and variants kept in memory with the product that they lead to, all shops together: 30 MB."""

COLLECTIONS_CACHE_PRODUCTS_MAX: Final = 500_000
"""Products of the collections kept in memory, all together: 40 MB. At the bound they are read again."""

PRODUCTS_NAMED_MAX: Final = 1_000
"""Products that a request may name in one parameter."""

# --- orders and rankings -----------------------------------------------------------------------------------------

ORDERS_READ_MAX: Final = 250
"""Newest orders (or carts, or purchases that events told) of one customer or visitor that one question looks at: 10 ms."""

ORDER_VISITORS_READ_MAX: Final = 20
"""Visitors (uuids) of one customer among whose carts orders are looked for, the latest named first."""

UNITS_MAX: Final = 1_000_000
"""Units of one purchase line; more count as this, so that no sum of them is more than a number holds."""

RANKING_DAYS_DEFAULT: Final = 30
"""The window of top sellers in days, today (UTC) included."""

RANKING_DAYS_MAX: Final = 90
"""The longest window of top sellers; days before that are not told apart."""

TREND_HOURS: Final = 192
"""Hours (eight days) whose visitors trending products are told by; counts of older hours are dropped."""

RANKING_SECONDS: Final = 0.75
"""How old the order of a ranking may be: it is sorted again no sooner, however many ask. An event shows within a second."""

RANKING_LATE_SECONDS: Final = 30
"""How soon a ranking is read anew after views that came more than an hour late."""

RANKING_LOAD_SECONDS: Final = 10
"""How long the first question for a ranking waits until it is read (four seconds on ten million events); then 503."""

RANKING_HEAD: Final = 300
"""Products at the head of a ranking that are kept in order; the others are put in order when somebody asks beyond them."""

RANKING_RESOLVED_ONCE: Final = 1_000
"""Products of a ranking whose names are looked up at once: a few milliseconds."""

COLLECTIONS_NAMED_MAX: Final = 50
"""Collections that a request may name."""

RANKING_PRODUCTS_MAX: Final = 250_000
"""Products in one ranking: a large catalog, and room for names that no catalog has. Further ones are not ranked."""

RANKING_TOUCHED_MAX: Final = 250
"""Changed orders that a ranking has not counted yet: a few milliseconds of work."""

RANKED_PRODUCTS_MAX: Final = 1_000_000
"""Products in all rankings in memory: 120 MB. At the bound the ranking that was asked for longest ago goes."""

# --- recommendations ---------------------------------------------------------------------------------------------

SESSIONS_WINDOW_DAYS: Final = 180
"""From how many days sessions recommend: what was bought together in spring still goes together in summer."""

SESSIONS_MAX: Final = 5_000_000
"""Sessions of a shop that recommend, the latest: 1.2 GB where each has five products."""

SESSIONS_KEPT_MAX: Final = 5_500_000
"""Sessions of a shop in memory: some more, so that what an erasure or a late event takes away needs no reading again."""

SESSIONS_TOLD_MAX: Final = 50
"""Sessions of one visitor that a question about them looks at, those that were told of last."""

SESSION_ITEMS_MAX: Final = 250
"""Products of a session: one in a hundred has more than twenty, and who sees more than this collects prices. Fits 8 bits."""

SESSION_EVENTS_MAX: Final = 1_000
"""Events on products in a session: one every ten seconds, three hours long."""

SESSION_SPAN_HOURS_MAX: Final = 48
"""How long a session may last: nobody looks around for two days without a pause of half an hour."""

INDEXED_NAMES_MAX: Final = 1_000_000
"""Names of products (ids, handles, variants) in a shop's sessions: four times a large catalog. Further ones recommend nothing:
somebody invents them."""

INDEX_READ_EVENTS: Final = 1_000
"""Events that the index reads from the log at once: 15 ms of work, in slices."""

INDEX_SLICE_MS: Final = 2
"""How long the upkeep of the index holds the event loop at most."""

INDEX_CATCH_UP_EVENTS_MAX: Final = 200_000
"""Events that a start reads from the log beside collection, a few seconds of work; more are read by a child process."""

INDEX_SAVED_AFTER_EVENTS: Final = 200_000
"""Events after which a child process brings the file of the index up to date: what a start has to read."""

INDEX_SAVED_AFTER_SECONDS: Final = 300
"""How long that file is left alone, however many events come: writing it whole takes seconds of a core for a large shop."""

EVOLVING_EVENTS_MAX: Final = 32
"""Newest events of each kind of a visitor that recommendations start from."""

EVOLVING_PRODUCTS_MAX: Final = 8
"""Products that recommendations start from: what lies further back says next to nothing."""

JUST_BOUGHT_DAYS: Final = 30
"""For how many days what somebody bought is not recommended to them again."""

ANSWERS_KEPT: Final = 100_000
"""Answers of which it is kept what they were made of (default of the setting): an hour of a busy shop."""

ANSWERS_KEPT_MAX: Final = 10_000_000
"""The most that the setting takes: more would be a typing error."""

ANSWERS_BYTES_MAX: Final = 128 * 1024 * 1024
"""Bytes of what answers were made of, whatever the setting says: 100,000 with five products each take about 90 MB."""

FALLBACK_PRODUCTS_LIKE: Final = 3
"""Products, the newest first, for which similar ones are looked for where sessions say too little."""

CONTENT_TAGS_MAX: Final = 24
"""Tags of a product that say what is like it, the first of them: real products have five to twenty."""

CONTENT_WORDS_MAX: Final = 12
"""Words of its title that do: what comes behind them is written for search engines."""

CONTENT_TEXT_CHARACTERS_MAX: Final = 128
"""Characters of a title, type, tag or vendor that are looked at; what differs only behind them counts as the same."""

CONTENT_POSTINGS_MAX: Final = 30_000
"""Products that one question finds by what a product has, the rarest first: 0.5 ms. What more have says next to nothing, and
counts only for those that something rarer has found."""

CONTENT_COMPARED_MAX: Final = 1_000
"""Products compared in full for one answer, those that share most: half a millisecond."""

CONTENT_SHARED_MAX: Final = 5
"""What an answer names of all that two products share: enough to understand why."""

CONTENT_SIMILAR_MAX: Final = 300
"""Products similar to one that are told: an answer shows 250 at most, and some of these are sold out or hidden."""

CONTENT_READ_ONCE: Final = 20
"""Products that are read before other requests have their turn: a millisecond and a half."""

CONTENT_LOAD_SECONDS: Final = 10
"""How long the first question about a shop's products waits until they are read (100,000: six to eight seconds); then 503."""

CONTENT_PRODUCTS_MAX: Final = 500_000
"""Products in memory by what they are like, all shops together: 250 MB. At the bound the shop asked longest ago goes."""

# --- analytics ---------------------------------------------------------------------------------------------------

ANALYTICS_THREADS: Final = 2
"""Threads that one question may use: more would only take from collection what two cores have."""

ANALYTICS_SPILL_BYTES_MAX: Final = 2 * 1024 * 1024 * 1024
"""What the files of one shop may need on the disk for a question that does not fit into memory; then the question fails."""

ANALYTICS_NUMBERS_CACHED_MAX: Final = 100_000
"""Persons and names of products that the writer of a shop's file keeps in memory: those of the last hour of a busy shop."""

ANALYTICS_MEMORY_MB: Final = 512
"""Memory of all shops' files together, in MB (default of the setting): distinct visitors of 20 million events need half."""

ANALYTICS_MEMORY_MB_MIN: Final = 128
"""The least that the setting takes: below it, questions about a few million events spill to the disk."""

ANALYTICS_MEMORY_MB_MAX: Final = 1_048_576
"""The most that the setting takes: a terabyte; more would be a typing error."""

ANALYTICS_BESIDE_BYTES: Final = 2 * 1024 * 1024 * 1024
"""Memory that the analytics process may have beside twice the setting: what it knows of names, answers on their way, and what
the engine takes without counting it. Beyond it, it refuses, and starts again."""

ANALYTICS_FILES_OPEN_MAX: Final = 8
"""Files of shops that are open at once, each with its share of the memory."""

ANALYTICS_FILE_IDLE_SECONDS: Final = 300.0
"""For how long a file that nobody needs keeps its share of the memory: then it is closed, and the others' shares grow."""

ANALYTICS_BATCH_EVENTS_MAX: Final = 40_000
"""Events in one transaction of a file: two seconds of work at most, for who waits for the newest. Half as many would cost an
eighth more each."""

ANALYTICS_BATCH_BYTES_MAX: Final = 32 * 1024 * 1024
"""Bytes of records after which a batch is complete, however few they are: in memory they are up to thirty times as large."""

ANALYTICS_LEFT_OUT_MAX: Final = 1_000
"""Records that a shop's file may lack since they could not be taken in: with more, something else is wrong, and it waits."""

ANALYTICS_WAL_BYTES: Final = 64 * 1024 * 1024
"""Bytes beside a shop's file before they are worked into it: a fifth of a second now and then, and as long after a crash."""

ANALYTICS_COLLECT_AFTER: Final = 500_000
"""Objects after which the analytics process looks for ones that refer to each other: a few batches of events."""

ANALYTICS_ROLLUP_AFTER: Final = 500_000
"""Records of the log after which what came is rolled up: reports count at most as many events one by one, in 10 ms."""

ANALYTICS_BATCH_DOCUMENTS_MAX: Final = 500
"""Documents (products, collections, orders) in one transaction of a file: 5 MB of usual ones."""

ANALYTICS_STUCK_SECONDS: Final = 5.0
"""What a question gets to end after it was stopped. The engine does not look up in the middle of some functions: then the
process ends, and is started again."""

ANALYTICS_QUESTIONS_MAX: Final = 64
"""Questions that wait for analytics, all shops together; then 503."""

ANALYTICS_QUESTIONS_AT_ONCE: Final = 4
"""Questions that are answered at the same time: more would only wait for the processors inside the engine."""

ANALYTICS_QUESTION_SECONDS: Final = 30
"""How long a report or a statement may take: fifteen times the slowest report on 20 million events."""

ANALYTICS_ANSWER_BYTES_MAX: Final = 32 * 1024 * 1024
"""An answer as a whole: what is larger is an export."""

ANALYTICS_CACHE_BYTES_MAX: Final = 32 * 1024 * 1024
"""Answers of reports kept for when they are asked again at the same position, all shops together."""

ANALYTICS_START_AFTER_SECONDS: Final = 2
"""How long after a server's start analytics begins to read, unless somebody asks: starting takes half a second of a core."""

ANALYTICS_AWAITED_RECORDS: Final = 1_000
"""Records behind which a question waits for a shop's file: what was sent a moment ago should be in the answer."""

ANALYTICS_AWAITED_SECONDS: Final = 1.5
"""How long it waits for them: told within half a second, taken in within a tenth of one."""

ANALYTICS_TELL_SECONDS: Final = 0.5
"""How often analytics is told how far the log goes: an event shows within a second, and a batch costs 20 ms however small."""

REPORT_BUCKETS_MAX: Final = 10_000
"""Points of a time series: a year of hours."""

HEALTH_DAYS_MAX: Final = 92
"""Days of a report on the data's health: adding up what was counted by hour and reason takes a millisecond for four of
them."""

REPORT_SPARKLINES_MAX: Final = 2_000_000
"""Numbers of all sparklines of a report together: 10,000 products over half a year."""

REPORT_ROWS_MAX: Final = 10_000
"""Rows of a report: products, terms, events of a visitor."""

REPORT_FILTER_VALUES_MAX: Final = 100
"""Values of one filter of a report."""

REPORT_BITMAP_BYTES_MAX: Final = 64 * 1024 * 1024
"""Bytes of bitmaps in which a report counts distinct visitors, one for each point; more points are counted the slower way."""

ORDER_EXPORT_BYTES_MAX: Final = 32 * 1024 * 1024
"""An export of orders that is sent to be compared, packed or not: 100,000 orders packed. The command takes any size."""

SQL_TABLES_MAX: Final = 50
"""Tables that a statement may name: of hundreds the engine makes a plan for minutes."""

SQL_NAME_PARTS_MAX: Final = 20
"""Parts of a name, with dots between them; each costs the engine as much as all before it."""

SQL_CHARACTERS_MAX: Final = 100_000
"""A statement: what people and tools write has a thousandth of it."""

SQL_ROWS_MAX: Final = 100_000
"""Rows that a statement answers, the first ones; an answer says when there were more."""

ANALYTICS_UNSAVED_MAX: Final = 10_000
"""Records of other shops behind which a file's position may lie when analytics stops: a tenth of a second to read again."""

ANALYTICS_SAVED_AFTER: Final = 200_000
"""Records of other shops after which a quiet shop's file says where it is: what a start after a crash reads again for it."""

ANALYTICS_DISK_LEFT_MIN: Final = 1024 * 1024 * 1024
"""Bytes free on the disk below which analytics takes in no more: what is left belongs to the log."""

# --- the live feed -----------------------------------------------------------------------------------------------

LIVE_FEEDS_MAX: Final = 64
"""Live feeds at once: each that keeps up with a busy shop wakes up to twenty times a second."""

LIVE_FEEDS_PER_SHOP_MAX: Final = 8
"""Live feeds of one shop at once: a few systems and somebody who looks on. One shop can't take them all."""

LIVE_PAGE_EVENTS: Final = 100
"""Events that a feed looks at before others have their turn, one feed at a time: a millisecond where all are sent, five where
every product has to be looked up."""

LIVE_PAGE_BYTES_MAX: Final = 256 * 1024
"""Bytes of events after which such a page ends: what a feed whose client doesn't read holds in memory."""

LIVE_RECENT_BYTES_MAX: Final = 16 * 1024 * 1024
"""Newest events kept for feeds that have not sent them yet, by the size of their records, shared evenly among the shops that
have feeds: a second of full speed. Who falls further behind reads them from the log."""

LIVE_PAUSE_SECONDS: Final = 0.05
"""How long a feed that has sent all there is waits at least before it looks again: single events then go out together."""

LIVE_HEARTBEAT_SECONDS: Final = 15
"""After which silence a feed says that it is there: proxies take half a minute to a minute of it for the end."""

LIVE_SILENT_POSITIONS_MAX: Final = 10_000
"""Positions that a feed passes without an event before it tells where it is: what a resumption reads again at most."""

LIVE_LOOKED_BACK_MAX: Final = 100_000
"""Positions before the end among which ``last`` looks for events: a third of a second, in slices."""

LIVE_STALLED_SECONDS: Final = 60
"""When a feed's connection is cut whose client reads nothing: it is dead, or can resume where it was."""

LIVE_LEAVE_SECONDS: Final = 1
"""What a stopping server gives to clients of feeds to read what is on the way; they resume where they were."""

LIVE_RETRY_MS: Final = 2_000
"""What a feed tells clients to wait before they connect again: a restart takes a second."""

LIVE_PRODUCTS_MAX: Final = 100
"""Products that one feed is narrowed to: they are resolved anew for every page, since names change."""

# --- data sources ------------------------------------------------------------------------------------------------

DATA_SOURCES_MAX: Final = 1_000
"""Data sources of a shop: ten times what a large one has, and few enough to list at once."""

DATA_SOURCE_RULES_MAX: Final = 50
"""Rules of a data source: each is looked at for every answer that the ones before it don't fill."""

LABEL_CHARACTERS_MAX: Final = 1_000
"""A name or description of a data source or rule: a paragraph."""

DATA_SOURCE_NAMES_MAX: Final = 1_000
"""Names in one list of a rule: products, tags, vendors."""

DATA_SOURCE_BYTES_MAX: Final = 64 * 1024
"""A data source as it is put: real ones have 1 to 10 KB, and a shop's are listed together."""

DATA_SOURCES_CACHE_BYTES_MAX: Final = 8 * 1024 * 1024
"""Data sources kept decoded, all shops together, by the size of their documents: some 40 MB."""

DATA_SOURCES_LISTED_MAX: Final = 20_000
"""Data sources of which name and version are kept in memory, all shops together, for the lists of them: 10 MB."""

CONTEXT_REFERENCES_MAX: Final = 250
"""Products of the cart, and products given, that a request's context names: a real cart has a few."""

# --- orders and webhooks ------------------------------------------------------------------------------------------

ORDER_LINES_MAX: Final = 1_000
"""Lines of an order: twice what a checkout takes, and its document still has less than 400 KB."""

ORDER_REFUNDS_MAX: Final = 1_000
"""Refunds of an order: each takes back at least something, so there are hardly more than lines."""

ORDER_BATCH_MAX: Final = 250
"""Orders in one command, as on a page of Shopify's: 30 ms of work, in slices."""

ORDER_LINE_BYTES_MAX: Final = 8 * 1024 * 1024
"""One line of a file of orders, which may be a whole page of 250 orders of 30 KB."""

WEBHOOK_BYTES_MAX: Final = 8 * 1024 * 1024
"""A webhook's body: a product or an order with all that it may have takes several megabytes, and comes in one piece."""

WEBHOOK_ANSWER_SECONDS: Final = 4
"""When a webhook that isn't stored yet is answered with 503: Shopify takes no answer after 5 s for a failure."""

WEBHOOKS_WAITING_MAX: Final = 1_000
"""Webhooks that are being stored at once, those answered with 503 meanwhile included; beyond that 503 at once."""

WEBHOOKS_WAITING_BYTES_MAX: Final = 32 * 1024 * 1024
"""Bodies of webhooks held at any time, apart from those of events: only a body that is here can show whose it is."""

WEBHOOK_DAYS: Final = 7
"""For how many days a delivery is remembered: Shopify repeats one for 48 hours, and people look for longer than that."""

# --- answers -----------------------------------------------------------------------------------------------------

PRODUCTS_DEFAULT: Final = 5
"""Products in an answer where no ``limit`` is given (the inherited interface's default)."""

PRODUCTS_MAX: Final = 250
"""Products in an answer; a larger ``limit`` counts as this."""

PRODUCTS_LOOKED_AT_MAX: Final = 10_000
"""Products that one answer looks at to find as many as it shows: beyond that a filter that nothing fits would cost seconds."""

PRODUCTS_LOOKED_AT_ONCE: Final = 20
"""Products that an answer looks at before other requests have their turn: 2 ms where none is in memory."""

EXCLUDED_PRODUCTS_MAX: Final = 1_000
"""Products that a visitor viewed or bought last and that a rule leaves out: looking further back would take milliseconds."""

LIST_ROWS_MAX: Final = 1_000
"""Rows that a listing command answers at once."""

TAIL_QUEUE_EVENTS: Final = 10_000
"""Events that wait for one watcher of ``footfall tail``; beyond that it is told how many it missed."""

WATCHERS_MAX: Final = 32
"""Watchers of ``footfall tail`` at once."""

CONTROL_BODY_BYTES_MAX: Final = 16 * 1024 * 1024
"""One command's parameters on the control socket: a chunk of an import is the largest."""

SHOPS_MAX: Final = 10_000
"""Shops in one server: all are held in memory."""

KEYS_PER_SHOP_MAX: Final = 10
"""Public or secret keys that a shop has at once while rotating."""

WEBHOOK_SECRETS_MAX: Final = 5
"""Webhook secrets that a shop has at once while rotating."""

WORKER_END_SECONDS: Final = 2
"""What a child that works on something heavy gets to clear away its files when nobody waits for it any more."""

# --- the command line --------------------------------------------------------------------------------------------

OWNER_WAIT_SECONDS: Final = 5
"""How long a command waits for the owner of a data directory to take commands: it may be starting, or about to end."""

OWNER_ANSWER_SECONDS: Final = 120
"""How long a command waits for one answer of the owner: a chunk of an import on a slow disk takes a second."""

IMPORT_CHUNK_BYTES_MAX: Final = CONTROL_BODY_BYTES_MAX // 8
"""Bytes of a file in one chunk of an import: as JSON, with field names and escapes, they still fit into one command."""

IMPORT_REASONS_SHOWN_MAX: Final = 20
"""Broken rows that an import tells one by one; the others are counted."""

REPLAY_RETRIES_MAX: Final = 10
"""How often a replay sends a request again before it gives up."""

REPLAY_RETRY_AFTER_SECONDS_MAX: Final = 60
"""The longest that a replay waits because a server asks it to."""

REPLAY_FLUSH_SECONDS: Final = 1
"""How long a replayed event waits for others to fill its batch: real storefront scripts flush every second."""

# --- the Python client -------------------------------------------------------------------------------------------

CLIENT_BATCH_EVENTS: Final = 100
"""Events in one request of the Python client, unless it is told otherwise: a request costs as much as a hundred events do."""

CLIENT_BATCH_SECONDS: Final = 1.0
"""How long an event waits in the client for others to fill its batch: real storefront scripts flush every second."""

CLIENT_QUEUE_EVENTS_MAX: Final = 10_000
"""Events that wait in the client, unless it is told otherwise: a busy shop's minute without a server, in about 5 MB."""

CLIENT_QUEUE_BYTES_MAX: Final = 32 * 1024 * 1024
"""Bytes of events that wait in the client, whatever their number: it lives in a shop's own process."""

CLIENT_RETRIES_MAX: Final = 12
"""How often the client sends a batch again before it gives it back: about five minutes, a server's restart or move."""

CLIENT_PAUSE_SECONDS: Final = 0.25
"""The client's first pause where a server doesn't say; each further one is twice as long."""

CLIENT_PAUSE_SECONDS_MAX: Final = 60
"""The longest pause between two tries of the client, also where the server asks for more."""

CLIENT_ANSWER_SECONDS: Final = 10.0
"""How long the client waits for one answer, unless it is told otherwise: a server that waits for a position takes five."""

CLIENT_ANSWER_BYTES_MAX: Final = 16 * 1024 * 1024
"""One answer that the client reads: 250 products with pictures and variants have 1 to 5 MB."""

CLIENT_CALL_SECONDS: Final = 30.0
"""How long a call of the client that waits (``send``, ``flush``, ``close``) takes at most, unless it is told otherwise."""

CLIENT_READ_RETRIES_MAX: Final = 2
"""How often the client asks for a list again: a page waits for it."""

CLIENT_EXIT_SECONDS: Final = 5.0
"""How long an interpreter that ends waits for the client to send what it has: supervisors kill after ten."""

# --- pulling a catalog from a store ------------------------------------------------------------------------------

PULL_PAGE: Final = 250
"""Products or collections on one page of a storefront's list: the most that it gives."""

PULL_PAGES_MAX: Final = 1_000
"""Pages of one list that a pull reads: 250,000 products. A store that answers page after page has no end to its list."""

PULL_LISTED_MAX: Final = 25_000
"""Where a storefront's list may end before the shop does: Shopify counts no further in its public lists. What a list of this
length doesn't name is not taken for gone."""

PULL_BODY_BYTES_MAX: Final = 64 * 1024 * 1024
"""One answer of a store, unpacked. A page of 250 products has 1 to 5 MB."""

PULL_CONNECT_SECONDS: Final = 10
"""How long a store may take to accept a connection."""

PULL_READ_SECONDS: Final = 30
"""How long a store may be silent within an answer."""

PULL_ANSWER_SECONDS: Final = 180
"""How long one answer may take in all: a page of 5 MB on a slow line, and no store that sends a byte a second."""

PULL_REDIRECTS_MAX: Final = 5
"""Redirects of one request: http to https and to the host with www are two."""

PULL_RETRIES_MAX: Final = 8
"""How often a request is sent again before a pull gives up: four minutes without a word from the store."""

PULL_PAUSE_SECONDS_MAX: Final = 120
"""The longest pause between two tries, also where the store asks for more."""

PULL_PROGRESS_HOURS: Final = 1
"""For how long a pull that was broken off can go on where it was: later, products are on other pages of the list."""

PULL_PROGRESS_PRODUCTS: Final = 250
"""Products after which it is saved how far a pull has come: what is read again after a crash."""

PULL_PROGRESS_COLLECTIONS: Final = 25
"""The same for collections, each of which takes a request or more."""

PULL_CHECKS_MAX: Final = 1_000
"""Products and collections missing from a list that one pass asks for one by one before it takes them for gone; those beyond
wait for the next pass."""

PULL_INTERVAL_SECONDS_MIN: Final = 60
"""The shortest interval of `--every`: a store that is asked more often answers with 429."""

PULL_INTERVAL_SECONDS_MAX: Final = 31 * 24 * 60 * 60
"""The longest one: a month. More is a mistake in the unit."""

ADMIN_PRODUCTS: Final = 8
"""Products in one query of the Admin API. With the bound below a query costs at most 3 + 8 x 101 = 811 points of the 1,000
that one query may cost (an object 1 point, a list 2 and its objects)."""

ADMIN_VARIANTS: Final = 10
"""Variants, pictures and metafields each that come with a product; those beyond are asked for product by product."""

ADMIN_MORE: Final = 100
"""Variants, pictures or metafields in one further query about a product: at most 604 points."""

ADMIN_COLLECTIONS: Final = 50
"""Collections in one query of the Admin API: 103 points."""

ADMIN_MEMBERS: Final = 250
"""Products of a collection in one query of the Admin API: 254 points."""

# --- conformance -------------------------------------------------------------------------------------------------

CONFORMANCE_REQUESTS_MAX: Final = 200
"""Requests of one `footfall conformance`: it sends about 160, one for each list of the host among them."""

CONFORMANCE_ANSWER_SECONDS: Final = 10
"""How long a host may take for one of its answers: what takes longer is of no use to a page."""

CONFORMANCE_BODY_BYTES_MAX: Final = 16 * 1024 * 1024
"""One of its answers: 250 products with pictures and variants have 1 to 5 MB."""
