"""The live window: what is heard now, and everything that a person does while it is heard.

Plain Python says what to show: ``scroll``, ``states``, ``strain``, ``pace``, ``reading``,
``presets`` and ``export``. ``window`` and its widgets show it and know no engine; ``presenter``,
``blind`` and ``compact`` are its other faces. ``conductor`` joins a window to a session, with
``marking`` for the number keys and ``replaying`` for the last seconds; ``driver`` opens and closes
sessions in a thread of its own. ``levelcheck`` tries the microphone.
"""
