"""Sessions in the formats of other tools, and what people marked there back again.

- ``choice``: which format a file name asks for, and writing it.
- ``incoming``: reading markers and labelled intervals back into a session.
- ``atomic_files``: files that are in their place only when all of them are complete.
- ``tiers``: a session as tiers of labelled spans, which ``elan``, ``praat`` and ``audacity`` write
  and read.
- ``document``: one JSON document.
- ``sound``: WAV and FLAC.
- ``corpus``: labelled clips in folders that models are trained on.
- ``svg``, ``picture``: the timeline; ``page``: the report.
"""
