"""A local Account API with sign-in, for demos and for tests.

It stands in for the server and shares no code with the client, so that no bug is shared. It
imports none of the package's other layers. Only the command line and `testing` use it.

Only this package needs FastAPI and uvicorn (the extra `emulator`). `__main__.py`, which is the
command, and `control_models.py` are imported without them.

- `app.py`, `api_key.py`, `balance.py`: the API's routes, one file per resource.
- `sign_in.py`: the sign-in's routes for programs; `pages.py`: the pages for people.
- `control.py`: the control routes for tests; `control_models.py`: their bodies and answers.
- `refusals.py`: which requests are refused, and with what answer.
- `traffic.py`: the middleware that counts requests and sends what `faults.py` makes of answers.
- `state.py`: all that the emulator remembers; `server.py`: the application and its process.
"""
