"""Export of sessions to the formats of other tools, and import of their annotations.

- ``registry``: formats by the ending of a file name.
- ``import_annotations``: markers and labelled intervals back into a session.
- ``tiers``: a session as tiers of labelled spans, which ``elan``, ``praat`` and ``audacity`` write
  and read.
- ``json_document``: one JSON document.
- ``audio``: WAV and FLAC.
- ``corpus``: labelled clips in folders that models are trained on.
- ``svg``, ``picture``: the timeline; ``page``: the report.
"""
