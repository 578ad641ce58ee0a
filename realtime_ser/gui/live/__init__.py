"""The live window: what is heard now, and everything that a person does while it is heard.

- ``window`` and its widgets show what they are given and know no engine; ``modes`` show the same
  in other ways.
- ``session_controller`` joins the window to a session, with ``markers`` for the number keys and
  ``replay`` for the last seconds; ``session_worker`` opens and closes sessions in a thread of its
  own.
- Plain Python says what to show: ``status_model``, ``timing``.
- ``microphone_check`` and ``calibration_dialog`` try the microphone, and make a profile.
"""
