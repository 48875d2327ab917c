"""The schema, the pages of docs/resources and docs/functions, and the tables of other documents."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from parallel_provider.lifecycle import FUNCTIONS, RESOURCES
from parallel_provider.plugin.schema import SCHEMA_FILE
from parallel_provider.resources.functions import snake_case
from parallel_provider.settings import SETTINGS
from tools.documents.declared import (
    Row,
    arguments_of,
    inputs_of,
    item_fields,
    outputs_of,
    results_of,
)
from tools.documents.markdown import code, details, table, with_parts
from tools.documents.package import with_names
from tools.documents.schema import schema_text
from tools.documents.texts import EXAMPLES, about, example, import_command
from tools.release.project import repository

ROOT = Path(__file__).parents[2]
_TITLES = {"python": "Python", "typescript": "TypeScript", "go": "Go", "yaml": "YAML"}
_NOTICE = (
    "<!-- Written by `make docs` from the declarations in parallel_provider/lifecycle, the\n"
    "docstrings of parallel_provider/resources and the programs in tools/documents/examples. -->"
)
_MORE = {
    "App": (
        '`App.get("name", app_id)` reads an app in Python without managing it. '
        "[What is guaranteed](../guarantees.md#what-may-be-deleted)\n"
        "says what happens if several resources have one app."
    ),
    "ApiKey": (
        "[Secret stores](../secret-stores.md) says how `deliver_command` brings raw keys elsewhere."
    ),
    "RotatingApiKey": (
        "[Rotation](../rotation.md) has the details and a picture, "
        "[secret stores](../secret-stores.md)\nsays how `deliver_command` brings keys elsewhere."
    ),
    "BalanceTopUp": (
        "[Money](../money.md) says when it charges, and what happens if the outcome of a charge "
        "isn't known."
    ),
}


def documents() -> dict[Path, str]:
    """Return the text of each document that is written, by its path."""
    found = {page_of(kind): _resource_page(kind) for kind in RESOURCES}
    found |= {page_of(name): _function_page(name) for name in FUNCTIONS}
    found[SCHEMA_FILE] = schema_text()
    readme = ROOT / "README.md"
    found[readme] = with_parts(readme.read_text(), {"Clone": code("sh", _first_steps())})
    settings = ROOT / "docs" / "installation-configuration.md"
    settings_text = with_names(settings.read_text())
    found[settings] = with_parts(settings_text, {"Settings": settings_table()})
    index = ROOT / "docs" / "_index.md"
    parts = {"Example": _examples("RotatingApiKey"), "Pages": _pages_table()}
    found[index] = with_parts(index.read_text(), parts)
    for path in _with_names_of_the_package():
        found[path] = with_names(path.read_text())
    return found


def _with_names_of_the_package() -> list[Path]:
    """Return the programs and documents that name the package as it is called in a language."""
    files = [*EXAMPLES.iterdir(), ROOT / "SECURITY.md", ROOT / "docs" / "native-plugin.md"]
    for folder in ("typescript", "go"):
        files += (ROOT / "examples" / folder).iterdir()
    return [path for path in sorted(files) if path.suffix in (".ts", ".go", ".md", ".json")]


def page_of(name: str) -> Path:
    """Return the path of the page of a resource or a function."""
    folder = "resources" if name in RESOURCES else "functions"
    return ROOT / "docs" / folder / f"{snake_case(name).replace('_', '-').lstrip('-')}.md"


def _first_steps() -> str:
    address = repository()
    return f"""
git clone {address}
cd {address.rpartition("/")[2]}
make demo   # a minute on an idle machine: half of it installs what the demo needs
make test   # every promise of this page: four minutes, and two for its tools
"""


def settings_table() -> str:
    """Return the table of all settings."""
    rows = [
        (f"`parallel:{each.key}`" if each.key else "", f"`{each.variable}`", each.text)
        for each in SETTINGS
    ]
    return table(("stack config", "environment", ""), rows)


def _resource_page(kind: str) -> str:
    text, api = about(kind)
    inputs = [
        (row.names, row.type, _with_required(row), row.effect or "changes nothing at the server")
        for row in inputs_of(kind)
    ]
    return _page(
        kind,
        text,
        ["## Example", _examples(kind)],
        ["## Inputs", table(("input", "type", "", "a change"), inputs)],
        ["## Outputs", _outputs(outputs_of(kind))],
        _import(import_command(kind)),
        ["## More", _MORE.get(kind, ""), api],
    )


def _import(command: str) -> list[str]:
    about_it = "With the native plugin: [its page](../native-plugin.md#import) says what to know."
    return ["## Import", about_it, code("sh", command)] if command else []


def _function_page(name: str) -> str:
    python = snake_case(name)
    text, api = about(name)
    forms = (
        f"In Python, `{python}` returns the result at once, and `{python}_output` takes and "
        f"returns\noutputs. In other languages the function is `parallel:{name}`."
    )
    kind = name.removeprefix("get")
    if kind in RESOURCES:
        forms += f" In Go it is\n`Lookup{kind}`, since `Get{kind}` reads the resource."
    arguments = [(row.names, row.type, row.description) for row in arguments_of(name)]
    given = table(("argument", "type", ""), arguments) if arguments else "It has none."
    items = item_fields(name)
    shown = [_outputs(results_of(name))]
    if items:
        shown += ["Each item has:", _outputs(items)]
    return _page(
        name,
        f"{text}\n\n{forms}",
        ["## Example", _examples(name)],
        ["## Arguments", given],
        ["## Result", *shown],
        ["## More", api],
    )


def _page(title: str, text: str, *sections: Iterable[str]) -> str:
    pieces = [f"# {title}", _NOTICE, text, *(piece for part in sections for piece in part)]
    return "\n\n".join(piece for piece in pieces if piece) + "\n"


def _examples(name: str) -> str:
    """Return the example in each language, in a form that GitHub folds. Python's is open."""
    return "\n\n".join(
        details(title, code(language, example(name, language)), is_open=language == "python")
        for language, title in _TITLES.items()
    )


def _outputs(rows: Iterable[Row]) -> str:
    return table(
        ("output", "type", ""),
        [
            (
                row.names,
                row.type,
                ("**Secret.** " if row.is_secret else "")
                + row.description
                + (" Can be absent." if row.can_be_absent else ""),
            )
            for row in rows
        ],
    )


def _with_required(row: Row) -> str:
    return f"**Required.** {row.description}" if row.is_required else row.description


def _pages_table() -> str:
    rows = []
    for name in (*RESOURCES, *FUNCTIONS):
        first = about(name)[0].split("\n\n")[0].replace("\n", " ")
        rows.append((f"[`{name}`]({page_of(name).relative_to(ROOT / 'docs')})", first))
    return table(("", ""), rows)
