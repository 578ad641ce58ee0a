"""All kinds of input."""

from __future__ import annotations

from tests.fuzz import annotations, corpora, models, serving, settings, sounds, stores
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
)

KINDS: dict[str, Kind] = {kind.name: kind for kind in _ALL}
"""Kinds by their names; a new one is one more record above."""
