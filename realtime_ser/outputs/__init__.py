"""Live results to other programs while a session runs, and markers from them.

``contract`` is what an output is and gets, ``delivery`` hands each its records, ``registry`` knows
them all, ``objects`` are their JSON. An output each: ``json_lines``, ``lsl``, ``mqtt``, ``osc``,
``websocket``. ``marker_inputs`` takes markers from other programs, ``address`` reads where they
are, and ``asgi`` serves a web application beside the session.
"""
