"""The reports, one file for each family. What each figure means stands in ``docs/reference/reports.md``."""
