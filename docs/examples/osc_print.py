"""Print what a voice sounds like, as it comes over Open Sound Control.

First this, then ``realtime-ser monitor --out osc://127.0.0.1:9000``. Needs python-osc, which comes
with the program.
"""

import sys

from pythonosc.dispatcher import Dispatcher
from pythonosc.osc_server import BlockingOSCUDPServer


def show_segment(address, number, start_s, end_s, label, confidence):
    channel = address.split("/")[2]
    print(f"{channel}  {start_s:7.2f} to {end_s:7.2f} s  {label} {confidence:.0%}", flush=True)


def show_marker(address, text, time_s, *more):
    print(f"   {time_s:7.2f} s  {text}", flush=True)


dispatcher = Dispatcher()
dispatcher.map("/ser/*/segment", show_segment)
dispatcher.map("/ser/marker", show_marker)
port = int(sys.argv[1]) if len(sys.argv) > 1 else 9000
BlockingOSCUDPServer(("127.0.0.1", port), dispatcher).serve_forever()
