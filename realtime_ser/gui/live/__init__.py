"""The live window: what is heard now, and everything that a person does while it is heard.

Plain Python says what to show: ``scroll``, ``states``, ``pace``, ``reading`` and ``export``.
``window`` and its widgets show it and know no engine. ``conductor`` joins a window to a session;
``driver`` opens and closes sessions in a thread of its own.
"""
