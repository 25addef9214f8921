"""Footfall: the open, self-hosted event stream for storefronts."""

from importlib.metadata import version

__version__ = version("footfall")
