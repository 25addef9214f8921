"""Footfall: the open, self-hosted event stream for storefronts."""

__version__ = "0.1.0"
