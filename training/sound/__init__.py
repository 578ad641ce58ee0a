"""Sound before the gate: recordings, noises, rooms, codecs, changed takes and long streams."""
