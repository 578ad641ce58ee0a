"""How fast, how late, how heavy: ``make bench``, also ``python -m benchmarks``.

``speed``, ``start``, ``footprint`` and ``latency`` measure; each returns sections of figures. It is
the program as a user starts it that is measured, in processes of its own, wherever that is
possible. ``docs/latency.md`` says how the latencies are defined.
"""
