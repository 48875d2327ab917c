"""The documents: what is made from the declarations, their examples, their links."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pulumi.automation import ConfigValue

from parallel_provider.lifecycle import FUNCTIONS, RESOURCES, lifecycle_of
from parallel_provider.lifecycle.declare import secret_outputs
from parallel_provider.testing import EmbeddedStack
from parallel_provider.testing.emulator import Emulator
from parallel_provider.version import __version__
from tests.engines import changes
from tests.plugin.yaml_project import RealProject, needs_yaml
from tools.documents.markdown import UnknownPartError, with_parts
from tools.documents.pages import ROOT, documents
from tools.documents.texts import EXAMPLES

NAMES = [*RESOURCES, *FUNCTIONS]
_LINK = re.compile(r"!?\[[^\]\[]*\]\(([^()\s]+)\)")
_CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.DOTALL | re.MULTILINE)
names = pytest.mark.parametrize("name", NAMES)


def all_documents() -> list[Path]:
    """Return the Markdown files of the repository, without what tools put into it."""
    done = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],  # noqa: S607 - the one on PATH
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    found = [ROOT / name for name in done.stdout.splitlines()]
    # Without git, as in an sdist.
    found = found or [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    # A template's links are those of the document that is made from it.
    return sorted(path for path in found if path.exists() and path.name != "template.md")


def anchors(document: str) -> Iterator[str]:
    """Yield the anchors that GitHub gives to the headings of a document."""
    without_code = re.sub(r"^```.*?^```$", "", document, flags=re.DOTALL | re.MULTILINE)
    for heading in re.findall(r"^#+ (.+)$", without_code, re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        yield re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def broken_links(path: Path) -> Iterator[str]:
    """Yield the links of a document that lead nowhere in this repository."""
    text = _CODE.sub("", path.read_text())
    for link in _LINK.findall(text):
        if link.startswith(("https://", "http://", "mailto:")):
            continue
        file, _, anchor = link.partition("#")
        target = path.parent / file if file else path
        if not target.exists() or (
            anchor and target.suffix == ".md" and anchor not in anchors(target.read_text())
        ):
            yield link


def test_documents_are_what_the_declarations_say() -> None:
    """After a change of a declaration, a docstring or an example: `make docs`."""
    for path, text in documents().items():
        assert path.exists(), path
        assert path.read_text() == text, path.relative_to(ROOT)


def test_code_of_the_readme_is_as_wide_as_github_shows() -> None:
    """A line of more than 88 characters is cut there."""
    code = re.findall(r"^```\w+\n(.*?)^```$", (ROOT / "README.md").read_text(), re.DOTALL | re.M)
    assert len(code) >= 3
    assert [line for block in code for line in block.splitlines() if len(line) > 88] == []


def test_no_page_is_left_over() -> None:
    """Of a resource or a function that is gone."""
    pages = {
        page for folder in ("resources", "functions") for page in (ROOT / "docs" / folder).iterdir()
    }
    assert pages <= documents().keys()


@names
def test_python_example_runs(name: str, tmp_path: Path, emulator: Emulator) -> None:
    """A second run changes nothing."""
    (tmp_path / "__main__.py").write_text((EXAMPLES / f"{name}.py").read_text())
    stack = EmbeddedStack("test", tmp_path, project_name="p", env_vars=emulator.environment)
    stack.set_config("parallel:maxTopUpCents", ConfigValue("2000"))

    first = stack.up()

    assert first.outputs
    assert set(changes(stack.up())) == {"same"}
    secrets = {key for key, output in first.outputs.items() if output.secret}
    declared = lifecycle_of(name).state_type if name in RESOURCES else None
    assert secrets == ({*secret_outputs(declared)} if declared else set()) & first.outputs.keys()


@needs_yaml
@names
def test_yaml_example_runs(name: str, tmp_path: Path, emulator: Emulator) -> None:
    """It creates what the Python example creates."""
    project = RealProject(tmp_path, emulator, PARALLEL_MAX_TOP_UP_CENTS="2000")
    project.write_yaml("\n" + (EXAMPLES / f"{name}.yaml").read_text())
    first = project.stack.up()
    assert first.outputs
    assert set(changes(project.stack.up())) == {"same"}


def blocks(document: str, language: str) -> list[str]:
    """Return the code blocks of a language in a document."""
    text = (ROOT / "docs" / document).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def test_python_example_of_the_index_runs(tmp_path: Path, emulator: Emulator) -> None:
    """The first program that a reader of the Registry sees."""
    [program] = blocks("_index.md", "python")
    (tmp_path / "__main__.py").write_text(program)
    stack = EmbeddedStack("test", tmp_path, project_name="p", env_vars=emulator.environment)
    assert stack.up().outputs["raw_api_key"].secret


@needs_yaml
def test_explicit_provider_of_the_configuration_page_runs(
    tmp_path: Path, emulator: Emulator
) -> None:
    """Its settings are accepted, and the app is created with it."""
    [program] = blocks("installation-configuration.md", "yaml")
    project = RealProject(tmp_path, emulator)
    project.write_yaml("\n" + program.replace("ORG_ID", emulator.org_id))
    assert changes(project.stack.up()) == {"create": 3}


@pytest.mark.parametrize("path", all_documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    """To a file of the repository, and to a heading in it."""
    assert list(broken_links(path)) == []


@pytest.mark.parametrize("path", all_documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_document_has_no_shortcodes(path: Path) -> None:
    """GitHub shows `{{< chooser >}}` as it is. Languages stand in parts that it folds."""
    assert re.findall(r"\{\{[<%].*", path.read_text()) == []


@names
def test_page_has_an_example_in_each_language(name: str) -> None:
    """Python's is open. GitHub shows a block of code only after an empty line."""
    [page] = [text for text in documents().values() if text.startswith(f"# {name}\n")]
    found = re.findall(r"<details( open)?>\n<summary>(\w+)</summary>\n\n```(\w+)\n", page)
    assert found == [
        (" open", "Python", "python"),
        ("", "TypeScript", "typescript"),
        ("", "Go", "go"),
        ("", "YAML", "yaml"),
    ]
    assert page.count("\n```\n\n</details>\n") == len(found)


def test_broken_link_is_found(tmp_path: Path) -> None:
    """Files, headings, and links in code."""
    document = tmp_path / "a.md"
    (tmp_path / "b.md").write_text("# One `two`, three!\n\n```\n# no heading\n```\n")
    document.write_text(
        "[1](b.md) [2](b.md#one-two-three) [3](c.md) [4](b.md#two) [5](#none)\n"
        "[6](b.md#no-heading) `[7](d.md)` [8](https://example.com/x) ![9](e.svg)\n"
    )
    assert list(broken_links(document)) == ["c.md", "b.md#two", "#none", "b.md#no-heading", "e.svg"]


@pytest.mark.parametrize("path", all_documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_document_installs_a_name_that_isnt_on_pypi(path: Path) -> None:
    """Somebody else could publish a package of this name. And a wheel has today's version."""
    text = path.read_text()
    for line in re.findall(r"^.*pip install .*$", text, re.MULTILINE):
        found = re.search(r"install [^#]*parallel-provider", line)
        assert found is None or "git+https" in line or "finds nothing" in line, line
    for version in re.findall(r"parallel_provider-(\d[\w.]*)-py3|parallel-v(\d[\d.]*)-", text):
        assert "".join(version) == __version__


def test_some_documents_install_the_package() -> None:
    """So that the test above has something to look at."""
    text = "\n".join(path.read_text() for path in all_documents())
    assert re.search(r"^.*pip install [^#]*parallel-provider", text, re.MULTILINE)
    assert re.search(r"parallel_provider-\d[\w.]*-py3|parallel-v\d[\d.]*-", text)


def test_parts_of_a_document_are_written_anew() -> None:
    """The rest of it stays. A part that nothing writes, and one that is missing, is refused."""
    document = "a\n<!-- X: written by make docs -->\nold\n<!-- end of X -->\nb\n"
    written = with_parts(document, {"X": "new"})
    assert written == "a\n<!-- X: written by make docs -->\n\nnew\n\n<!-- end of X -->\nb\n"
    assert with_parts(written, {"X": "new"}) == written
    with pytest.raises(UnknownPartError, match="nothing writes the part 'X'"):
        with_parts(document, {})
    with pytest.raises(UnknownPartError, match="has no part"):
        with_parts(document, {"X": "new", "Y": "new"})
