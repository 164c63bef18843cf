"""The rules of the house that no other tool checks."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from delta_app.regularizers import all_variants, methods

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = sorted((ROOT / "delta_app").rglob("*.py"))
PAGES = [ROOT / "app.py", *sorted((ROOT / "pages").glob("*.py"))]


def imported(path: Path) -> set[str]:
    """The names of all modules a file imports, at whatever depth."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def roots(names: set[str]) -> set[str]:
    return {name.split(".")[0] for name in names}


def public(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.ClassDef]:
    """The functions and classes that other files may use."""
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            yield node


def test_the_layers_hold() -> None:
    command = shutil.which("lint-imports", path=str(Path(sys.executable).parent))
    if command is None:
        pytest.skip("import-linter is not installed: pip install -r requirements-dev.txt")
    run = subprocess.run(
        [command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_pages_do_no_work_of_their_own() -> None:
    """A page reads its form, calls a service and draws the answer."""
    foreign = {"torch", "torchvision", "sqlalchemy", "plotly", "numpy", "sqlite3"}
    below = {"training", "attention", "models", "data"}
    for page in PAGES:
        names = imported(page)
        assert not roots(names) & foreign, page.name
        assert not {n.split(".")[1] for n in names if n.startswith("delta_app.")} & below, page.name


def test_streamlit_stays_in_the_interface_and_plotly_in_the_figures() -> None:
    for path in PACKAGE:
        part = path.relative_to(ROOT / "delta_app").parts[0]
        assert part == "ui" or "streamlit" not in roots(imported(path)), path
        assert part == "figures" or "plotly" not in roots(imported(path)), path


def test_what_draws_itself_again_does_so_only_while_it_is_seen() -> None:
    """By `refreshing`, which also says a store's trouble in the part's place."""
    for path in [*PACKAGE, *PAGES]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            assert not (isinstance(node, ast.keyword) and node.arg == "run_every"), path


def test_only_the_download_of_weights_goes_to_the_network() -> None:
    clients = {"http.client", "urllib.request", "requests", "httpx", "aiohttp", "ftplib"}
    asking = {path.stem for path in [*PACKAGE, *PAGES] if imported(path) & clients}
    assert asking == {"weights_download"}
    for path in [*PACKAGE, *PAGES]:
        text = path.read_text(encoding="utf-8")
        assert "load_state_dict_from_url" not in text, path
        assert ".get_state_dict(" not in text, path


def test_every_file_and_every_public_name_says_what_it_is() -> None:
    silent = []
    for path in [*PACKAGE, *PAGES]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        where = path.relative_to(ROOT)
        if path.stat().st_size and not ast.get_docstring(tree):
            silent.append(f"{where}")
        silent += [f"{where}: {each.name}" for each in public(tree) if not ast.get_docstring(each)]
    assert not silent


def test_nothing_unpickles() -> None:
    """A weights file from elsewhere must not be able to run code."""
    for path in PACKAGE:
        assert not roots(imported(path)) & {"dill", "cloudpickle", "joblib", "shelve", "marshal"}
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            where = f"{path}, line {node.lineno}"
            called = ast.unparse(node.func)
            assert called not in ("pickle.load", "pickle.loads", "pickle.Unpickler"), where
            if called == "torch.load":
                safe = {k.arg: ast.unparse(k.value) for k in node.keywords}
                assert safe.get("weights_only") == "True", where
            if called in ("np.load", "numpy.load"):
                allowed = {k.arg: ast.unparse(k.value) for k in node.keywords}
                assert allowed.get("allow_pickle", "False") == "False", where


def test_every_method_and_variant_has_a_colour_of_its_own() -> None:
    colors = [variant.color.upper() for variant in all_variants()]
    assert len(set(colors)) == len(colors)
    assert all(re.fullmatch(r"#[0-9A-F]{6}", color) for color in colors)
    keys = [variant.key for variant in all_variants()]
    assert len(set(keys)) == len(keys)


def test_the_methods_keep_the_colours_people_have_learned() -> None:
    """The colours of the palette, so that a chart of last year reads like one of today."""
    assert {variant.key: variant.color for variant in all_variants()} == {
        "linear_probe": "#7F7F7F",
        "l2": "#0072B2",
        "l2_sp": "#E69F00",
        "feature_map": "#009E73",
        "delta": "#D55E00",
        "delta_uniform": "#CC79A7",
        "delta_shuffled": "#56B4E9",
    }
    assert len(methods()) == 5


def test_no_method_colour_is_written_down_twice() -> None:
    """A colour that stands in two places is one that can differ between two pages."""
    colors = {variant.color.upper() for variant in all_variants()}
    for path in [*PACKAGE, *PAGES]:
        if "regularizers" in path.parts:
            continue
        used = set(re.findall(r"#[0-9A-Fa-f]{6}", path.read_text(encoding="utf-8")))
        assert not {each.upper() for each in used} & colors, path
