"""Products as the shop knows them. So far: the product object, made from what the events told."""
