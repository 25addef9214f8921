"""The analytics process: the only one that opens shops' DuckDB files, keeps them up with the log, and answers from them.

``desk`` is the server's side; everything else here runs in the child.
"""
