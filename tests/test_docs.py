"""What the README and the documents say, run and looked up: code, links, tables, and the tests that they name."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import magiclink
from magiclink import SIGN_IN, Kind, MagicLinks, Opens, Policy
from magiclink.rules import RULES
from magiclink.testing import double_click
from tests.exchanges import STORIES
from tests.flask.site import by_socket, served
from tests.stage import Accounts, Stage, bare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import timedelta

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
DOCUMENTS = sorted((ROOT / "docs").rglob("*.md"))
TEXTS = [README, ROOT / "CHANGELOG.md", *DOCUMENTS]

_FENCE = re.compile(r"^(?:<!-- file: (?P<file>\S+) -->\n)?```(?P<language>\w*)\n(?P<code>.*?)^```$", re.M | re.S)
_LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)")
_COMMAND = re.compile(r"-m magiclink (?:--links \S+ )?([a-z]+)")
_NAMED_TEST = re.compile(r"`([\w/.*]+\.py)::(test_\w+)`")


def named(path: Path) -> str:
    """Name a parameter by its file."""
    return path.name


def blocks(path: Path, language: str) -> Iterator[tuple[str, int, str | None]]:
    """Return each fenced block of a language with the line at which it stands, and the file that it is, if any."""
    text = path.read_text(encoding="utf-8")
    for fence in _FENCE.finditer(text):
        if fence["language"] == language:
            yield fence["code"], text.count("\n", 0, fence.start("code")), fence["file"]


def prose(path: Path) -> str:
    """Return a text without its code."""
    return _FENCE.sub("", path.read_text(encoding="utf-8"))


def keygen() -> str:
    """Make a key as the README says."""
    command = [sys.executable, "-m", "magiclink", "keygen"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.removesuffix("\n")


@pytest.fixture
def key() -> str:
    """Return the text of a key."""
    return keygen()


@pytest.fixture
def _closed_at_the_end(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close every MagicLinks that a text makes, those inside of its functions too."""
    make = MagicLinks.__init__
    with ExitStack() as opened:

        @wraps(make)
        def make_and_close(links: MagicLinks, **settings: Any) -> None:
            make(links, **settings)
            opened.callback(links.close)

        monkeypatch.setattr(MagicLinks, "__init__", make_and_close)
        yield


@pytest.mark.usefixtures("_closed_at_the_end")
@pytest.mark.parametrize("path", [README, *DOCUMENTS], ids=named)
def test_code_that_does_not_run(path: Path, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Python of each text runs, block by block in one namespace, with a key from `keygen` in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MAGICLINK_KEY", key)
    namespace: dict[str, Any] = {"__name__": path.stem}
    for code, line, file in blocks(path, "python"):
        if file is None:
            # As many empty lines before it as the text has: a traceback then names the line of the document.
            exec(compile("\n" * line + code, str(path), "exec", dont_inherit=True), namespace)


def test_contract_that_is_not_kept(tmp_path: Path) -> None:
    """The store that `stores.md` writes, in a file of its own as it says, passes the contract."""
    [(code, _, file)] = [block for block in blocks(ROOT / "docs" / "stores.md", "python") if block[2]]
    assert file
    (tmp_path / file).write_text(code)
    ours = {"PYTEST_ADDOPTS", "DJANGO_SETTINGS_MODULE"}
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), file]
    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stdout
    assert int(re.findall(r"(\d+) passed", ran.stdout)[0]) > 100
    assert len(code.splitlines()) <= 40


@pytest.mark.parametrize("name", STORIES)
def test_adapter_that_decides(name: str, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The adapter that `web.md` writes answers every story as the conversation itself does, to the header."""
    monkeypatch.setenv("MAGICLINK_KEY", key)
    namespace: dict[str, Any] = {}
    [adapter, application, _] = [code for code, _, _ in blocks(ROOT / "docs" / "web.md", "python")]
    exec(adapter + application, namespace)
    stage, expected = Stage(), Stage()
    calls = {name: namespace[name] for name in ("signed_in_as", "sign_in")}
    app = namespace["Adapter"](namespace["billing"], stage.links, **calls, directory=Accounts(), mailer=stage.outbox)
    with served(app) as port:
        answers = stage.play(STORIES[name], by_socket(port))
    assert answers == expected.play(STORIES[name], bare(expected))
    assert len(stage.outbox) == len(expected.outbox)
    assert len(adapter.splitlines()) <= 50


def test_readme_too_long() -> None:
    """The README has at most 150 lines, and its example 15."""
    [example, *_] = [code for code, _, _ in blocks(README, "python")]
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 150
    assert len(example.splitlines()) <= 15


def test_readme_app_that_opens_nothing(key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The README's app shows the invoice to whoever has its link, signs in by a button, and shows others nothing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MAGICLINK_KEY", key)
    monkeypatch.setenv("FLASK_SECRET_KEY", "of this test")
    namespace: dict[str, Any] = {"__name__": "README"}
    exec("".join(code for code, _, _ in blocks(README, "python")), namespace)
    app, links = namespace["app"], namespace["links"]
    opened = app.test_client().get(namespace["link"].url, follow_redirects=True)
    assert opened.text == "Invoice 1001 of customer-7"
    assert app.test_client().get("/invoices/1001").status_code == 403
    customer = app.test_client()
    double_click(customer, links.issue(SIGN_IN, subject="customer-7").url)
    with customer.session_transaction(base_url="https://billing.example") as session:
        assert session["customer"] == "customer-7"
    links.close()


@pytest.mark.parametrize("ending", [" examples.invoicing tour", " examples.django_invoicing tour", "/pytest -n 2"])
def test_command_on_several_lines(ending: str) -> None:
    """Each of the README's commands is one line that does all its set-up; the continuous check runs it as it is."""
    lines = [line for line in README.read_text(encoding="utf-8").splitlines() if line.startswith("python3 -m venv")]
    assert len([line for line in lines if line.endswith(ending)]) == 1


@pytest.mark.parametrize("path", TEXTS, ids=named)
def test_link_to_nothing(path: Path) -> None:
    """Every link to a file of ours leads to one, and to a heading that it has."""
    for target, anchor in _LINK.findall(prose(path)):
        file = path.parent / target if target else path
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), anchor


def anchors(path: Path) -> set[str]:
    """Return the anchors of a text's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose(path), re.M)
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def test_document_that_nobody_finds() -> None:
    """`index.md` leads to every document, and the README leads to it."""
    index = ROOT / "docs" / "index.md"
    linked = {target for target, _ in _LINK.findall(prose(index))}
    assert {path.relative_to(index.parent).as_posix() for path in DOCUMENTS} - {"index.md"} <= linked
    assert "docs/index.md" in {target for target, _ in _LINK.findall(prose(README))}


@pytest.mark.parametrize("path", TEXTS, ids=named)
def test_named_test_that_is_not_there(path: Path) -> None:
    """Every test that a text names as proof is there, in one of the files that it means."""
    missing = [
        f"{files}::{test}"
        for files, test in _NAMED_TEST.findall(path.read_text(encoding="utf-8"))
        if not any(f"def {test}(" in file.read_text(encoding="utf-8") for file in ROOT.glob(files))
    ]
    assert missing == []


def test_command_that_is_not_there() -> None:
    """Every command that a text shows is one of `python -m magiclink`."""
    shown = {name for path in TEXTS for name in _COMMAND.findall(path.read_text(encoding="utf-8"))}
    command = [sys.executable, "-m", "magiclink", "--help"]
    known = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "keygen" in shown
    assert [name for name in shown if not re.search(rf"^    {name} ", known, re.M)] == []


@pytest.mark.parametrize("path", TEXTS, ids=named)
def test_two_sentences_on_a_line(path: Path) -> None:
    """One sentence a line, so that a change of one is a change of one line; tables have their own form."""
    lines = [line for line in prose(path).splitlines() if not line.startswith("|")]
    plain = [re.sub(r"^\d+\. |`[^`]*`", "", line) for line in lines]
    assert [line for line in plain if re.search(r"[.!?] [A-Z]", line)] == []


# What the documents say of presets, rules, fields and events.


def span(value: timedelta | None) -> str:
    """Write a span as the tables do."""
    if value is None:
        return "–"
    seconds = int(value.total_seconds())
    units = (("days", 172_800, 86_400), ("h", 3_600, 3_600), ("min", 60, 60), ("s", 0, 1))
    return next(f"{seconds // size} {unit}" for unit, least, size in units if seconds >= least)


CELLS: dict[str, Callable[[Policy], str]] = {
    "opens": lambda policy: "one document" if policy.opens is Opens.RESOURCE else "the account",
    "lifetime": lambda policy: span(policy.lifetime),
    "uses": lambda policy: "any" if policy.max_uses is None else str(policy.max_uses),
    "confirm": lambda policy: "yes" if policy.confirm else "no",
    "stays open": lambda policy: span(policy.session_lifetime),
    "reminder": lambda policy: "yes" if policy.reissue_on_reminder else "–",
    "renewal": lambda policy: "yes" if policy.renew_on_request else "–",
    "supersede": lambda policy: policy.supersede.name,
    "interval": lambda policy: span(policy.reissue_interval) if policy.reissues else "–",
    "limit": lambda policy: str(policy.reissue_limit) if policy.reissues else "–",
    "ends after": lambda policy: span(policy.ends_after),
}


def table(path: Path, first: str) -> dict[str, dict[str, str]]:
    """Read the table whose first column bears this name: by the first cell of a row, its cells by their columns."""
    lines = iter(path.read_text(encoding="utf-8").splitlines())
    [*columns] = next(cells(line) for line in lines if line.startswith(f"| {first} |"))
    next(lines)
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append(cells(line))
    return {row[0].strip("`"): dict(zip(columns[1:], row[1:], strict=True)) for row in rows}


def cells(line: str) -> list[str]:
    """Split a row of a table."""
    return [cell.strip() for cell in line.strip("|").split("|")]


@pytest.mark.parametrize("path", [README, ROOT / "docs" / "policies.md"], ids=named)
def test_wrong_preset(path: Path) -> None:
    """Each table of presets has every preset, and each figure is the preset's own."""
    presets = {name: value for name in magiclink.__all__ if isinstance(value := getattr(magiclink, name), Policy)}
    shown = table(path, "preset")
    assert shown == {name: {column: CELLS[column](presets[name]) for column in shown[name]} for name in presets}


def test_rule_left_out() -> None:
    """The table of rules has every rule with its source, in order, and says which can't be acknowledged."""
    shown = table(ROOT / "docs" / "policies.md", "rule")
    assert [*shown] == [rule.name for rule in RULES]
    for rule in RULES:
        assert shown[rule.name]["source"] == rule.source
        assert shown[rule.name]["deviation"].startswith("never") == rule.forbidden


def test_field_left_out() -> None:
    """The table of fields has every field of a policy, in order."""
    assert [*table(ROOT / "docs" / "policies.md", "field")] == [field.name for field in fields(Policy)]


def test_event_left_out() -> None:
    """The table of events has every kind."""
    assert {*table(ROOT / "docs" / "history.md", "event")} == {kind.value for kind in Kind}


def test_file_that_no_table_explains() -> None:
    """`CONTRIBUTING.md` says of every file name of `src/magiclink` what it holds."""
    explained = {name for cell in table(ROOT / "docs" / "CONTRIBUTING.md", "file") for name in re.findall(r"\w+", cell)}
    files = {path.stem for path in (ROOT / "src" / "magiclink").rglob("*.py") if path.parent.name != "migrations"}
    assert sorted(files - explained - {"__init__", "__main__"}) == []
