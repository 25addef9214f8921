"""The append-only log: the only source of truth. ``port`` says what a log promises; the other files each keep it one way.

This room knows nothing of events' meaning, of projections or of HTTP.
"""
