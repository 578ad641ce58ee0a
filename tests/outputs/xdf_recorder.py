"""Records LSL streams into an XDF file, as LabRecorder does: ``xdf_recorder.py FILE COUNT WHICH``.

WHICH is a predicate in XPath that all of COUNT streams satisfy. It says "ready" when it records
them, and ends with the next line on its input.
The format: https://github.com/sccn/xdf/wiki/Specifications
"""

import struct
import sys
import threading
from pathlib import Path

import pylsl

STEP_S = 0.2


def length(size):
    """A number of bytes, in the shortest form."""
    for width, form in ((1, "<B"), (4, "<I"), (8, "<Q")):
        if size < 256**width:
            return struct.pack("<B", width) + struct.pack(form, size)
    raise ValueError(size)


def write_chunk(file, tag, content):
    file.write(length(len(content) + 2) + struct.pack("<H", tag) + content)


def values(info, sample):
    if info.channel_format() == pylsl.cf_string:
        texts = [text.encode() for text in sample]
        return b"".join(length(len(text)) + text for text in texts)
    return struct.pack(f"<{len(sample)}f", *sample)


def main(path, count, which):
    pylsl.set_config_content("[log]\nlevel = -2\n")
    found = pylsl.resolve_bypred(which, count, 60)
    inlets = [pylsl.StreamInlet(info) for info in found]
    infos = [inlet.info(30) for inlet in inlets]
    for inlet in inlets:
        inlet.open_stream(30)
    over = threading.Event()
    with Path(path).open("wb") as file:
        file.write(b"XDF:")
        write_chunk(file, 1, b'<?xml version="1.0"?><info><version>1.0</version></info>')
        for number, info in enumerate(infos):
            write_chunk(file, 2, struct.pack("<I", number) + info.as_xml().encode())
        print("ready", flush=True)
        threading.Thread(target=lambda: (sys.stdin.readline(), over.set()), daemon=True).start()
        last = False
        while not last:
            last = over.wait(STEP_S)
            for number, (inlet, info) in enumerate(zip(inlets, infos, strict=True)):
                offset = struct.pack("<Idd", number, pylsl.local_clock(), inlet.time_correction(30))
                write_chunk(file, 4, offset)
                samples, stamps = inlet.pull_chunk(0.0)
                rows = [
                    struct.pack("<Bd", 8, stamp) + values(info, sample)
                    for sample, stamp in zip(samples, stamps, strict=True)
                ]
                if rows:
                    content = struct.pack("<I", number) + length(len(rows)) + b"".join(rows)
                    write_chunk(file, 3, content)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
