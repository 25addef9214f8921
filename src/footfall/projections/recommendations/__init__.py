"""What goes with what: the sessions of a shop, the neighbours of one that is under way, and how good their answers are."""
