"""Sound before the gate: recordings, noises, rooms, codecs, changed examples and long streams."""
