"""Analytics: every event of a shop in columns, in a DuckDB file of its own, and what is asked of them.

Only the analytics process imports what lives here. One file belongs to one shop and holds nothing of another.
"""
