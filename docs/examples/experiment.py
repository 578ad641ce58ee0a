"""An experiment that marks its trials over the Lab Streaming Layer, as one in PsychoPy does.

In PsychoPy the loop shows stimuli instead of waiting; all else is the same. Beside it run
``realtime-ser monitor --out lsl --markers-from lsl`` and LabRecorder: the XDF file has the emotions
and these markers on one clock, and the session has the markers too.
"""

import sys
import time

import pylsl

TRIALS = ("calm video", "sad video", "funny video")
SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0

info = pylsl.StreamInfo("Experiment", "Markers", 1, pylsl.IRREGULAR_RATE, "string", "experiment-1")
outlet = pylsl.StreamOutlet(info)
outlet.wait_for_consumers(60)
input("Somebody listens. Press Enter when everything records. ")
for trial in TRIALS:
    # in PsychoPy: win.callOnFlip(outlet.push_sample, [f"{trial} begin"])
    outlet.push_sample([f"{trial} begin"], pylsl.local_clock())
    time.sleep(SECONDS)
    outlet.push_sample([f"{trial} end"], pylsl.local_clock())
time.sleep(1.0)
