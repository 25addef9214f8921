"""Untrusted bytes in, durable receipt out. The way of an event, by file: ``body`` → ``reading`` (with ``moment``, ``fields``,
``privacy``) → ``accept`` → ``receipt``; what is refused goes to ``quarantine``.

This room knows the log's port and nothing of projections or HTTP.
"""
