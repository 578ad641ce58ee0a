"""Export of sessions to the formats of other tools, and import of their annotations.

- ``registry``: a record for each format: its name, endings, texts, options and writer.
- ``csv_tables``: the tables of a session, and the tidy table of a study. ``analysis_tables``: the
  folder that an analysis of files leaves. ``interval_tables``: intervals that people bring to it.
- ``archive_merge``, ``archive_report``, ``parquet``: the parts of an archive as one, what it sounds
  like as a whole, and its tables for millions of rows.
- ``import_annotations``: markers and labelled intervals back into a session.
- ``tiers``: a session as tiers of labelled spans, which ``elan``, ``praat`` and ``audacity`` write
  and read; ``elan_reading`` and ``text_input`` are the reading's own.
- ``json_document``: one JSON document.
- ``audio``: WAV and FLAC.
- ``corpus``: labelled clips in folders that models are trained on.
- ``html_report``: the printable report. ``realtime_ser.timeline`` draws the pictures.
"""
