"""What can be clicked on each page, and what must then be seen.

Each function gives the kinds of click that its page offers as it stands: calling one clicks and
waits until its effect is seen. What else there is to choose is left to chance.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Locator, Page, expect

from benchmarks.browsed_app import WAIT_MS
from delta_app.regularizers import methods
from tests.e2e.watched_page import (
    SELECTORS,
    TABS,
    choices,
    chosen,
    click_choice,
    click_tab,
    open_tab,
    wait_for,
)

Click = Callable[[], None]


@dataclass(frozen=True)
class World:
    """What stands in the app while it is clicked.

    Attributes:
        training: id of the run that trains.
        plain, delta: ids of two ended runs, an L2 and a DELTA.
        names: of all three.
    """

    url: str
    training: str
    plain: str
    delta: str
    names: tuple[str, ...]


Kinds = Callable[[Page, World, random.Random], dict[str, Click]]


# Going from page to page

SEEN = {
    "Start": ".st-key-new",
    "Fine-tune": ".st-key-start",
    "Runs": ".st-key-runs_table_box canvas",
    "Compare": ".stMain .stMultiSelect",
    "Attention": ".st-key-attention_bars .gtitle",
    "Inspect": ".st-key-filter_tiles img",
}
"""Page -> what is drawn last in it when it is opened by the sidebar."""


def sidebar(page: Page, world: World, chance: random.Random) -> dict[str, Click]:
    """Another page by its link in the sidebar."""

    def link(name: str) -> Click:
        def click() -> None:
            page.locator("[data-testid=stSidebarNavLink]").filter(has_text=name).click()
            _seen(page, SEEN[name])

        return click

    others = [name for name in SEEN if not page.locator(SEEN[name]).first.is_visible()]
    return {name: link(name) for name in others}


def start(page: Page, world: World, chance: random.Random) -> dict[str, Click]:
    """The run that trains, an earlier one by its name, or the form."""

    def watch() -> None:
        page.get_by_role("link", name="Watch").click()
        _seen(page, ".st-key-run_loss .gtitle")

    def earlier() -> None:
        page.locator(".st-key-earlier a").first.click()
        _seen(page, ".st-key-run_confusion .gtitle")

    def new() -> None:
        page.get_by_role("button", name="Choose pictures").click()
        _seen(page, SEEN["Fine-tune"])

    return {"watch": watch, "earlier": earlier, "new": new}


# In a page


def fine_tune(page: Page, world: World, chance: random.Random) -> dict[str, Click]:
    """Another method, a step folded or unfolded, a number one up or down."""
    radios = page.get_by_role("radiogroup", name="Method").get_by_role("radio")

    def method() -> None:
        chosen = [button.get_attribute("aria-checked") for button in radios.all()].index("true")
        other = chance.choice([place for place in range(radios.count()) if place != chosen])
        radios.nth(other).click()
        expect(page.get_by_text(methods()[other].summary).first).to_be_visible(timeout=WAIT_MS)

    def fold() -> None:
        number = chance.choice([1, 2])
        parts = page.locator(f".st-key-folding-{number} > *")
        before = parts.count()
        page.locator(f".st-key-step-{number} button").click()
        wait_for(page, lambda: (parts.count() == 1) != (before == 1), "the step", WAIT_MS)

    def count() -> None:
        field = page.get_by_label("Epochs", exact=True)
        up = chance.random() < 0.7 or int(field.input_value()) < 2
        wanted = int(field.input_value()) + (1 if up else -1)
        box = page.locator("[data-testid=stNumberInput]").filter(has=field)
        box.get_by_test_id(f"stNumberInputStep{'Up' if up else 'Down'}").click()
        words = f"{wanted} epochs, batch"
        expect(page.locator(".st-key-step-3")).to_contain_text(words, timeout=WAIT_MS)

    return {"method": method, "fold": fold, "count": count}


def runs_page(page: Page, world: World, chance: random.Random) -> dict[str, Click]:
    """Rows selected one by one, a search, another order of the rows."""
    table = page.locator(".st-key-runs_table_box canvas").first
    words = page.locator(".st-key-runs_actions [data-testid=stCaptionContainer]")
    field = page.get_by_placeholder("Search by name")

    def select() -> None:
        before = words.inner_text()
        box = table.bounding_box()
        assert box is not None
        # The table is a canvas: a row's place is all there is to click.
        row = chance.randrange(_rows(page))
        page.mouse.click(box["x"] + 17, box["y"] + 47 + 35 * row)
        wait_for(page, lambda: words.inner_text() != before, "another selection", WAIT_MS)

    def search() -> None:
        text = "" if field.input_value() else chance.choice(world.names)
        shown = 1 if text else len(world.names)
        field.fill(text)
        field.press("Enter")
        wait_for(page, lambda: _rows(page) == shown, f"{shown} rows", WAIT_MS)

    def sort() -> None:
        before = _names(page)
        box = table.bounding_box()
        assert box is not None
        page.mouse.click(box["x"] + 100, box["y"] + 17)  # the head of the names
        wait_for(page, lambda: _names(page) not in ([], before), "another order", WAIT_MS)

    if field.input_value():
        return {"all again": search}
    return {"select": select, "search": search, "sort": sort}


def run_page(page: Page, world: World, chance: random.Random) -> dict[str, Click]:
    """A choice in the open tab, or another tab."""
    tab = open_tab(page)

    def choice(key: str) -> Click:
        others = [n for n in range(choices(page, key).count()) if n != chosen(page, key)]
        return lambda: click_choice(page, key, chance.choice(others))

    def other(name: str) -> Click:
        return lambda: click_tab(page, name)

    keys = [key for key in SELECTORS.get(tab, ()) if choices(page, key).count() > 1]
    within = {f"{tab}: {key}": choice(key) for key in keys}
    return within | {name: other(name) for name in TABS if name != tab}


def compare(page: Page, world: World, chance: random.Random) -> dict[str, Click]:
    """What the charts of the results show, or another view."""
    tabs = page.get_by_role("tab")
    open_view = page.locator("[role=tab][aria-selected=true]").inner_text()

    def view(name: str) -> Click:
        def click() -> None:
            page.get_by_role("tab", name=name, exact=True).click()
            _seen(page, _IN_VIEW[name])

        return click

    def choice(key: str, seen: Callable[[], str]) -> Click:
        def click() -> None:
            before, now = seen(), chosen(page, key)
            other = chance.choice([n for n in range(choices(page, key).count()) if n != now])
            choices(page, key).nth(other).click()
            wait_for(page, lambda: seen() not in ("", before), f"choice {key}", WAIT_MS)

        return click

    views = {name: view(name) for name in tabs.all_inner_texts() if name != open_view}
    if open_view != "Results":
        return views
    charts = {
        "-accuracy": lambda: _words(page, ".st-key-compare_accuracy .gtitle"),
        "-loss": lambda: _words(page, ".st-key-compare_loss .gtitle"),
        "-scale": lambda: _axis(page, ".st-key-compare_loss"),
    }
    return {key: choice(key, seen) for key, seen in charts.items()} | views


_IN_VIEW = {
    "Results": ".st-key-compare_loss .gtitle",
    "Settings": "[role=tabpanel] table, [role=tabpanel] [data-testid=stTable]",
    "Errors": "[role=tabpanel] .gtitle",
    "Attention": "[role=tabpanel] .gtitle",
    "Feature maps": "[role=tabpanel] img",
    "Disagreements": "[role=tabpanel] [data-testid=stMarkdownContainer]",
}


def attention(page: Page, world: World, chance: random.Random) -> dict[str, Click]:
    """Another layer, another order, another filter."""
    layers = page.get_by_role("radiogroup", name="Behaviour layer").locator("label")
    title = page.locator(".st-key-attention_filter").last  # twice while it is drawn anew

    def layer() -> None:
        before = title.inner_text()
        inputs = layers.locator("input")
        chosen = [each.is_checked() for each in inputs.all()].index(True)
        layers.nth(chance.choice([n for n in range(inputs.count()) if n != chosen])).click()
        wait_for(page, lambda: title.inner_text() != before, "another layer", WAIT_MS)

    def shown() -> None:
        radios = page.get_by_role("radiogroup", name="Shown").get_by_role("radio")
        off = [each for each in radios.all() if each.get_attribute("aria-checked") != "true"]
        before = _words(page, ".st-key-attention_bars .ytitle")

        def other_axis() -> bool:
            return _words(page, ".st-key-attention_bars .ytitle") not in ("", before)

        off[0].click()
        wait_for(page, other_axis, "another quantity", WAIT_MS)

    def filter() -> None:
        before = title.inner_text()
        field = page.get_by_test_id("stNumberInput").filter(has_text="Filter").last
        chance.choice(field.locator("button:enabled").all()[-2:]).click()
        wait_for(page, lambda: title.inner_text() != before, "another filter", WAIT_MS)

    return {"layer": layer, "shown": shown, "filter": filter}


def inspect(page: Page, world: World, chance: random.Random) -> dict[str, Click]:
    """The next picture, or another layer."""
    tiles = page.locator(".st-key-filter_tiles img").filter(visible=True)

    def changed(what: str, click: Callable[[], None]) -> Click:
        def clicked() -> None:
            before = _sources(tiles)
            click()
            wait_for(page, lambda: len(now := _sources(tiles)) > 1 and now != before, what, WAIT_MS)

        return clicked

    def layer() -> None:
        radios = page.locator("[class*='-layer'] button[role=radio]").filter(visible=True)
        off = [each for each in radios.all() if each.get_attribute("aria-checked") != "true"]
        chance.choice(off).click()

    step = page.locator(".st-key-inspect-step-1 button").filter(visible=True).first
    clicks = {"the next picture": step.click, "the layer": layer}
    return {what: changed(what, click) for what, click in clicks.items()}


PAGES: dict[str, tuple[Kinds, str, str]] = {
    "Start": (start, "", SEEN["Start"]),
    "Fine-tune": (fine_tune, "fine-tune?from={delta}", ".st-key-start"),
    "Runs": (runs_page, "runs", SEEN["Runs"]),
    "Run": (run_page, "run?run={training}", ".st-key-run_loss .gtitle"),
    "Compare": (compare, "compare?runs={plain},{delta}", _IN_VIEW["Results"]),
    "Attention": (attention, "attention?run={delta}", ".st-key-attention_filter"),
    "Inspect": (inspect, "inspect?run={delta}", SEEN["Inspect"]),
}
"""Page -> its clicks, its address, and what is drawn last in it."""


def open_page(page: Page, world: World, name: str) -> None:
    """Open a page by its address, drawn whole."""
    _, path, drawn = PAGES[name]
    ids = {"training": world.training, "plain": world.plain, "delta": world.delta}
    page.goto(f"{world.url}/{path.format(**ids)}")
    _seen(page, drawn)


# What is seen


def _seen(page: Page, selector: str) -> None:
    page.locator(selector).filter(visible=True).last.wait_for(timeout=WAIT_MS)


def _rows(page: Page) -> int:
    found = re.search(r"(\d+) runs?\b", page.locator(".st-key-runs_actions").inner_text())
    return int(found[1]) if found else 0


def _names(page: Page) -> list[str]:
    """The runs' names in the order of the rows, as the table reads them out to those who do not see
    it."""
    cells = page.locator(".st-key-runs_table_box canvas tbody td[aria-colindex='1']")
    return list(cells.all_text_contents())


def _words(page: Page, selector: str) -> str:
    """Of a chart's title or axis; empty where it is not drawn just now."""
    return "".join(page.locator(selector).all_text_contents())


def _axis(page: Page, chart: str) -> str:
    return str(
        page.evaluate(
            "chart => (document.querySelector(`${chart} .js-plotly-plot`) ?? {})"
            "._fullLayout?.yaxis.type ?? ''",
            chart,
        )
    )


def _sources(images: Locator) -> list[str]:
    return list(images.evaluate_all("all => all.map(each => each.src)"))
