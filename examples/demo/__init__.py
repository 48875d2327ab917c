"""`make demo`: runs examples/quickstart against the emulator, in about a minute.

`story.py` lists the steps, `stage.py` runs and shows them, `engine.py` chooses the engine, and
`screen.py` prints to the terminal.
"""
