"""Names of classes, files and runs, and whatever an address says, are text on every page."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from PIL import Image
from small_runs import SmallRuns, copied
from strange_names import FEW, FILES, LIST, NAMES
from streamlit.testing.v1 import AppTest

from delta_app.runs.table import LONGEST_NAME
from delta_app.services import runs
from delta_app.ui.messages import plain

Opener = Callable[..., AppTest]

PAGES = ("start", "fine_tune", "runs", "run", "compare", "attention", "inspect")
ADDRESS = (
    "run", "runs", "data", "from", "tab", "layer", "picture", "class", "answers", "order", "view",
    "split", "q", "method", "dataset", "state", "new", "filter", "temperature", "weights", "show",
)  # fmt: skip


def read_as_markdown(app: AppTest) -> Iterator[str]:
    """Every text of a page that the browser reads as Markdown."""
    for each in (*app.markdown, *app.caption, *app.error, *app.warning, *app.info):
        yield each.value
    for each in (*app.button, *app.expander, *app.tabs):
        yield each.label
    for each in (*app.segmented_control, *app.radio):
        yield from each.options
    for each in app.get("page_link"):
        yield each.proto.label
    for each in app.get("progress"):
        yield each.proto.text


def check(app: AppTest, names: tuple[str, ...] = LIST) -> None:
    """No page breaks, and no name stands in it as it could be taken for Markdown."""
    assert not app.exception, app.exception
    said = "\n".join(read_as_markdown(app))
    for name in names:
        # A number with a point is a list at the beginning of a line alone.
        harmful = plain(name).strip("\u2068\u2069") != name
        if harmful and len(name) > 3 and not name[0].isdigit():
            assert not re.search(rf"(?<!\\){re.escape(name)}", said), name


@pytest.fixture
def strange(tmp_path: Path) -> Path:
    """A folder of pictures whose name, classes and files are strange."""
    folder = tmp_path / "=1+1 <b> *x* \u202e:red[y]"
    seen = [name for name in FILES if not name.startswith(".")]
    for number, name in enumerate(seen):
        (folder / name).mkdir(parents=True)
        for turn in range(3):
            path = folder / name / f"{seen[(number + turn) % len(seen)]}.png"
            Image.new("RGB", (8, 8), (5 * number, 60 * turn, 90)).save(path, "PNG")
        (folder / name / f"{name}.png").write_bytes(b"not a picture")
    return folder


def test_a_folder_of_strange_classes(open_page: Opener, strange: Path) -> None:
    app = open_page("pages/fine_tune.py", data=str(strange))
    check(app, (*FILES, strange.name))
    captions = [each.value for each in app.caption]
    assert any(f"{len([n for n in FILES if n[0] != '.'])} classes" in each for each in captions)
    app.button(key="browse:data").click().run()
    check(app, (*FILES, strange.name))
    app = open_page("pages/attention.py", data=str(strange), new="measurement")
    check(app, (*FILES, strange.name))


@pytest.fixture
def named(runs_dir: Path) -> Callable[[str], SmallRuns]:
    """Finished runs, all called by that name."""
    small = copied(runs_dir)

    def call(name: str) -> SmallRuns:
        for run in runs.list_runs():
            runs.rename(run.id, name[:LONGEST_NAME])
        return small

    return call


_STRANGE = " ".join(each.strip() for each in LIST)
CHUNKS = [_STRANGE[start : start + LONGEST_NAME] for start in range(0, 800, LONGEST_NAME)]


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [CHUNKS[0], *(pytest.param(each, marks=pytest.mark.long) for each in CHUNKS[1:])]
)
def test_a_run_of_a_strange_name(
    open_page: Opener, named: Callable[[str], SmallRuns], name: str
) -> None:
    small = named(name)
    found = runs.get_run(small.delta).name
    for page in ("start", "runs"):
        check(open_page(f"pages/{page}.py"), (found,))
    for tab in ("Curves", "Errors", "Settings and log"):
        check(open_page("pages/run.py", run=small.delta, tab=tab), (found,))
    both = f"{small.l2},{small.delta}"
    for view in ("Results", "Settings", "Disagreements"):
        check(open_page("pages/compare.py", runs=both, view=view), (found,))
    check(open_page("pages/attention.py", run=small.delta), (found,))
    check(open_page("pages/inspect.py", run=small.delta), (found,))


def check_address(open_page: Opener, page: str, said: str) -> None:
    """All that a page may be asked for is the same strange text."""
    check(open_page(f"pages/{page}.py", **dict.fromkeys(ADDRESS, said)), (said,))


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_an_address_may_say_anything(
    open_page: Opener, named: Callable[[str], SmallRuns], page: str
) -> None:
    named("a run")
    check_address(open_page, page, _STRANGE)


@pytest.mark.long
@pytest.mark.parametrize("page", PAGES)
def test_an_address_may_say_anything_at_length(
    open_page: Opener, named: Callable[[str], SmallRuns], page: str
) -> None:
    named("a run")

    @settings(FEW, max_examples=15, derandomize=False)
    @given(NAMES)
    def examine(said: str) -> None:
        check_address(open_page, page, said)

    examine()
    for said in LIST:
        check_address(open_page, page, said)


def test_a_class_that_no_picture_has_is_said_as_text(
    open_page: Opener, named: Callable[[str], SmallRuns]
) -> None:
    small = named("a run")
    strange = ":red[x] <b>"
    for name in ("split.json", "model.json"):
        file = small.folder(small.l2) / name
        file.write_text(file.read_text().replace('"red"', f'"{strange}"'))
    app = open_page("pages/inspect.py", run=small.l2, **{"class": strange, "answers": "wrong"})
    check(app, (strange,))


def uploads(app: AppTest, name: str) -> Any:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(buffer, "PNG")
    return app.file_uploader[0].upload(name, buffer.getvalue(), "image/png").run()


@pytest.mark.slow
def test_an_upload_of_a_strange_name(open_page: Opener, named: Callable[[str], SmallRuns]) -> None:
    small = named("a run")
    for name in ("<img src=x>.png", "../../x.png", "**a**\n# b.png", "x" * 300 + ".png"):
        app = open_page("pages/inspect.py", run=small.l2, **{"from": "upload"})
        check(uploads(app, name), (name,))
