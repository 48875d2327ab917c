"""`python -m tools.documents`, or `make docs`: write what is made from the declarations."""

from __future__ import annotations

from tools.documents.pages import documents

if __name__ == "__main__":
    for path, text in documents().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
