"""See :mod:`realtime_ser.readout`."""

from realtime_ser.readout import Readout

__all__ = ["Readout"]
