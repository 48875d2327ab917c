"""`make demo`: the life of examples/quickstart in a minute, against the emulator.

`story.py` is what happens, `stage.py` where it happens, `engine.py` which engine does the work, and
`screen.py` how it looks.
"""
