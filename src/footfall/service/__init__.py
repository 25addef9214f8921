"""The parts list: builds everything, starts it, stops it. One process owns a data directory; commands reach it by its control
socket."""
