"""What both examples do alike: the tour that they tell, what `serve` serves and logs, and what they share."""

from __future__ import annotations

import subprocess
import sys
from socket import socket
from typing import TYPE_CHECKING

import pytest

from tests.served import LINK_ID, ROOT, TOKEN, fetch, run, served

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLES = ["examples.invoicing", "examples.django_invoicing"]
FRAMEWORKS = {"flask", "werkzeug", "jinja2", "django", "asgiref"}


@pytest.fixture(scope="module")
def tours() -> dict[str, subprocess.CompletedProcess[str]]:
    """The tours of both, told once."""
    return {module: run(module, "tour") for module in EXAMPLES}


@pytest.mark.parametrize("module", EXAMPLES)
def test_tour_that_stops(tours: dict[str, subprocess.CompletedProcess[str]], module: str) -> None:
    """The tour ends by itself with status 0, tells every status of the story, and shows no token."""
    told = tours[module]
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.endswith("The end: every step went as it should.\n")
    assert TOKEN.search(told.stdout) is None
    for step in ("GET /l/<token> -> 303", "GET /invoices/1001 -> 200", "GET /l/ -> 410", "POST /l/new -> 200"):
        assert step in told.stdout


def test_tours_that_differ(tours: dict[str, subprocess.CompletedProcess[str]]) -> None:
    """Both tours tell the same story to the letter: every request, status, page, mail and event."""
    flask, django = (LINK_ID.sub("", tours[module].stdout) for module in EXAMPLES)
    assert flask == django
    assert len(LINK_ID.findall(tours[EXAMPLES[0]].stdout)) > 40


def test_framework_in_the_story() -> None:
    """What both share needs no framework."""
    modules = [f"examples.story.{file.stem}" for file in (ROOT / "examples" / "story").glob("*.py")]
    code = f"import sys\nfor each in {modules}: __import__(each)\nprint(sorted({FRAMEWORKS} & set(sys.modules)))"
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (told.stdout, len(modules) > 5) == ("[]\n", True)


@pytest.mark.parametrize(("module", "option"), [(EXAMPLES[0], "--store"), (EXAMPLES[1], "--database")])
def test_tour_on_nothing(module: str, option: str) -> None:
    """A store or a database that can't be opened is one sentence and status 2."""
    told = run(module, "tour", option, "elsewhere:")
    assert (told.returncode, told.stderr.count("\n")) == (2, 1)


@pytest.mark.parametrize("module", EXAMPLES)
def test_port_that_is_taken(tmp_path: Path, module: str) -> None:
    """`serve` on a port that another program has says which one to try."""
    with socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        refused = run(module, "serve", "--port", str(port), "--folder", str(tmp_path / "kept"))
    assert (refused.returncode, refused.stderr.partition(": ")[2]) == (2, f"port {port} is taken: --port {port + 1}\n")


def test_step_that_goes_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that isn't as told stops the tour with a sentence that says both, and no token."""
    monkeypatch.syspath_prepend(str(ROOT))
    from examples.story.browser import Answer, Page
    from examples.story.stage import shows

    answer = Answer("GET", "/l/" + "a" * 60, 200, None, Page("<main data-page='confirm'><h1>Sign in</h1></main>"))
    shows(answer, 200, "confirm")
    with pytest.raises(AssertionError, match="GET /l/<token> was answered 200 “Sign in”, not 410 “used”"):
        shows(answer, 410, "used")
    with pytest.raises(AssertionError, match="doesn't say “soon”"):
        shows(answer, 200, "confirm", "soon")


@pytest.mark.parametrize("module", EXAMPLES)
def test_log_that_tells(tmp_path: Path, module: str) -> None:
    """M05: `serve` says where to point the browser, keeps its key to its owner, and logs no token."""
    with served(module, tmp_path / "kept") as site:
        answers = [fetch(site.origin + path) for path in ("/", "/outbox", f"/l/{'a' * 60}", "/static/style.css")]
        log = site.stop()
    assert (answers, site.process.returncode) == ([200, 200, 404, 200], 0)
    assert "GET /l/<token> HTTP/1.1" in log
    assert TOKEN.search(log) is None
    assert (tmp_path / "kept" / "key").stat().st_mode & 0o077 == 0
