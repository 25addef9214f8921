"""HTTP in, HTTP out; one file per question, and no rules of its own.

``application`` is the way in: CORS, limits and errors for every route. Collection, history and status are plain handlers of
this room; everything else is typed handlers of Litestar (``pages``), which load after the server is up.
"""
