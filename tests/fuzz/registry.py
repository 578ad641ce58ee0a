"""All kinds of input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tests.fuzz import annotations, corpora, markers, models, serving, settings, sounds, stores
from tests.fuzz.kind import Kind

_ALL = (
    sounds.HEADERS,
    sounds.BODIES,
    settings.CONFIG,
    settings.RECIPES,
    settings.PROFILES,
    settings.PREFERENCES,
    models.BUNDLES,
    models.GRAPHS,
    annotations.ELAN,
    annotations.TEXTGRIDS,
    annotations.LABELS,
    stores.PAGES,
    stores.VALUES,
    stores.EXPORTS,
    corpora.TREES,
    corpora.TABLES,
    serving.FRAMES,
    markers.PACKETS,
    markers.LINES,
)

_MENDED: Mapping[str, tuple[str, ...]] = {
    "sound-headers": ("test_a_flac_that_cannot_be_sought_is_copied",),
    "sound-bodies": ("test_a_flac_that_cannot_be_sought_is_copied",),
    "profiles": ("test_a_profile_whose_numbers_were_changed_is_told",),
    "preferences": ("test_settings_of_a_version_that_never_was_are_read",),
    "graphs": ("test_a_graph_that_ends_its_process_is_refused",),
    "elan": (
        "test_elan_files_of_all_encodings",
        "test_what_lies_in_a_wrong_place_is_refused_in_a_sentence",
    ),
    "textgrids": (
        "test_a_time_that_no_recording_has_is_refused",
        "test_a_sentence_is_one_line_and_ends_with_what_to_do",
    ),
    "labels": (
        "test_a_time_that_no_recording_has_is_refused",
        "test_what_lies_in_a_wrong_place_is_refused_in_a_sentence",
    ),
    "store-pages": (
        "test_a_session_whose_name_is_lost_hinders_no_other",
        "test_a_session_without_its_channels_has_them_again",
        "test_a_name_in_the_schema_that_is_no_text_is_damage",
        "test_a_header_that_forbids_writing_is_damage",
    ),
    "store-values": (
        "test_a_value_that_no_session_has_is_damage_and_is_saved_around",
        "test_the_time_axis_has_room_for_its_ticks_however_long_it_is",
    ),
    "corpora": ("test_an_empty_folder_is_refused_with_a_place_for_results_too",),
    "osc-packets": ("test_a_packet_that_is_no_osc_is_left_out_and_the_next_is_heard",),
    "tables": (
        "test_a_table_that_was_changed_is_told",
        "test_a_damaged_table_is_named",
    ),
}
"""Tests of what was found and mended, by kind."""

KINDS: dict[str, Kind] = {
    kind.name: replace(kind, mended=_MENDED.get(kind.name, ())) for kind in _ALL
}
"""Kinds by their names; a new one is one more record above."""
