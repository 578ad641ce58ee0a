"""Live results to other programs while a session runs, and markers from them.

``asgi`` serves a web application beside the session.
"""
