"""Puts the settings and the models, which lie at the top of a checkout, into the package."""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ShippedFiles(BuildHookInterface):  # type: ignore[type-arg]
    """An installed program finds them as :func:`realtime_ser.base.paths.shipped` says."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add them to a wheel; an editable installation reads them where they lie."""
        if version == "standard":
            for name in ("config.yaml", "models"):
                build_data["force_include"][name] = f"realtime_ser/{name}"
