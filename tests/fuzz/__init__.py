"""Fuzzing: ``make fuzz``, also ``python -m tests.fuzz``; nothing that a file holds may harm.

Files of all kinds that the program reads are changed at random, by a seed, and given to it. The
program takes them or refuses them in a sentence with the right exit code; what ends in a traceback,
in a signal, in too much time or memory, or in a file outside the folders meant, is a finding.

- ``registry``: all kinds of input, a :class:`~tests.fuzz.kind.Kind` each.
- ``mutation``: what is done to bytes, texts and values.
- ``kind``: what a kind is, and the place of a trial.
- ``sounds``, ``settings``, ``models``, ``annotations``, ``stores``, ``corpora``,
  ``serving``: the kinds.
- ``misbehaving``: kinds with which all goes wrong, for the tests.
- ``worker``: the process that tries inputs.
- ``trials``: starts workers, watches over them, and keeps findings.
"""
