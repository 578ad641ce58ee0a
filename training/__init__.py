"""Makes the models that :mod:`realtime_ser` runs: corpora in, evaluated bundles out."""
