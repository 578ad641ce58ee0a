"""Sessions on the disk: the store, tables, sound and sidecars, and their statistics."""
