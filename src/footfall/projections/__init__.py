"""All that can be deleted and rebuilt from the log. Each file is one projection; ``tails`` keeps them up with the log.

A projection uses only the events' own times and its own state, never the wall clock.
"""
