"""``realtime-ser doctor``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from realtime_ser.base.errors import SerError
from realtime_ser.commands.shared import Command, model_setting, pass_config

if TYPE_CHECKING:
    from realtime_ser.base.config import Config


@click.command(cls=Command)
@model_setting
@pass_config
def doctor(config: Config) -> None:
    """Check this machine, and say what to do about each fault."""
    from realtime_ser.engine.doctor import Verdict, run_checks

    faults = 0
    for finding in run_checks(config):
        print(f"{finding.verdict:6}{finding.subject:18}{finding.words}", flush=True)
        faults += finding.verdict is Verdict.FAULT
    if faults:
        raise SerError("The monitor cannot work here: mend what is marked as a FAULT.")
