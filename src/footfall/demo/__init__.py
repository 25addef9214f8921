"""A shop that does not exist, to try Footfall with: its catalog and pictures, its storefront, and its shoppers."""
