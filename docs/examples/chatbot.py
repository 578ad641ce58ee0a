"""A chatbot that answers differently by how the last utterance sounded; it needs no network.

``python chatbot.py`` listens to the microphone, ``python chatbot.py talk.wav`` to a recording.
"""

import sys

from realtime_ser import open_monitor
from realtime_ser.base.records import Segment

ANSWERS = {
    "angry": "I can hear that this is annoying. Shall we take it step by step?",
    "fearful": "Take your time. What worries you most?",
    "happy": "That sounds good! Tell me more.",
    "sad": "I am sorry. Would you like to talk about it?",
}
GOES_ON = "I see. Go on."


def answer(segment):
    """Answer to an utterance; one that is not certain gets none that presumes a feeling."""
    estimate = segment.estimate
    return ANSWERS.get(estimate.label, GOES_ON) if estimate.certain else GOES_ON


source = sys.argv[1] if len(sys.argv) > 1 else "mic"
speed = 1.0 if source == "mic" else 0.0
monitor = open_monitor(source, speed=speed)
heard = monitor.subscribe()
monitor.start()
try:
    for record in heard:  # an utterance has ended when its segment comes
        if isinstance(record, Segment):
            print(f"[{record.estimate.label}] {answer(record)}", flush=True)
except KeyboardInterrupt:
    pass
finally:
    monitor.stop()
