"""A generated shop with everything that real shops have, and the true answers to what may be asked of it."""
