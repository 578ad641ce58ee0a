"""Other ways to hear emotion live, written anew from their published descriptions, beside ours.

``python -m benchmarks.peers fit NAME ...`` trains them on the training speakers of joint fold 1,
``score`` measures all on its test speakers, and ``replay`` lets each hear the same stream of clips.
openSMILE comes with ``pip install -r benchmarks/peers/requirements.txt``.
"""
