"""``realtime-ser devices``."""

from __future__ import annotations

import click

from realtime_ser.base.text import count_text
from realtime_ser.commands.shared import Command


@click.command(cls=Command)
def devices() -> None:
    """List the microphones."""
    from realtime_ser.audio.devices import NoMicrophoneError, input_devices

    found = input_devices()
    if not found:
        raise NoMicrophoneError
    for api in dict.fromkeys(device.host_api for device in found):
        print(api)
        for device in found:
            if device.host_api == api:
                mark = "*" if device.default else " "
                count = count_text(device.channels, "channel")
                if device.channel_names:
                    count += f": {', '.join(device.channel_names)}"
                print(f" {mark} {device.name}  ({device.rate} Hz, {count})")
    print("* the default")
