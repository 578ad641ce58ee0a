"""A page in a browser on the same engine.

``app`` has the routes and ``guard`` says who may use them; ``upload`` hears a file, ``live`` a
microphone, whose sound ``microphone`` places in time; ``page_session`` turns records into the
messages of ``messages``, and ``keeping`` stores them where that was asked for; ``appearance`` hands
colours and words to the page, which lies in ``static``; ``limits`` bounds what a page may ask for,
and ``running`` opens the port.
"""
