"""What the run page must show after a click, and what it must never do meanwhile."""

from __future__ import annotations

import random
from collections.abc import Callable

from playwright.sync_api import Locator, Page

TABS = {
    "Curves": ".st-key-run_loss .gtitle",
    "Attention": ".st-key-run_attention .gtitle",
    "Feature maps": ".st-key-run_maps img, .st-key-run_no_maps",
    "Errors": ".st-key-run_no_errors, .st-key-run_confusion",
    "Settings and log": ".st-key-run_log",
}
"""Tab -> what stands in it."""

SELECTORS = {
    "Curves": ("-loss",),
    "Attention": ("-layer", "-order"),
    "Feature maps": ("-picture", "-layer"),
}
"""Tab -> ends of the keys of its selectors."""

WATCH = """
() => {
  window.seen = {doubled: 0, shifts: [], pointer: []};
  const name = node => node?.closest?.('[class*=st-key-]')?.className.match(/st-key-(\\S+)/)?.[1]
    ?? node?.className ?? String(node?.nodeName);
  const parts = ['tab_bar', 'run_stop', 'run_loss', 'run_attention'].map(key => '.st-key-' + key);
  const look = () => {
    if (parts.some(part => document.querySelectorAll(part).length > 1)) window.seen.doubled += 1;
    requestAnimationFrame(look);
  };
  look();
  let pressed = null;
  for (const kind of ['pointerdown', 'pointerup', 'pointercancel', 'click'])
    window.addEventListener(kind, event => {
      const button = event.target.closest?.('button');
      if (kind === 'pointerdown') pressed = button;
      window.seen.pointer.push([Math.round(performance.now()), kind, button?.textContent,
        button?.getAttribute('aria-checked'), button?.disabled,
        pressed?.isConnected ? 'still there' : 'replaced']);
    }, true);
  new PerformanceObserver(list => {
    for (const entry of list.getEntries())
      if (!entry.hadRecentInput)
        window.seen.shifts.push([entry.value, entry.sources.map(({node}) => name(node))]);
  }).observe({type: 'layout-shift'});
}
"""
"""Counts frames in which a part of the page stands twice, and keeps the movements that no click
caused, each as [layout shift, the parts that moved]; and what the pointer did, to tell of a click
that came to nothing whether the button was replaced between press and release."""


def open_run(page: Page, url: str, run_id: str, tab: str | None = None) -> None:
    """Open a run's page and wait until its tab is drawn."""
    more = f"&tab={tab.replace(' ', '+')}" if tab else ""
    page.goto(f"{url}/run?run={run_id}{more}")
    tab_button(page, "Settings and log").wait_for()
    page.locator(TABS[tab or open_tab(page)]).filter(visible=True).first.wait_for()


def tab_button(page: Page, name: str) -> Locator:
    """The button that opens a tab of the run page."""
    return page.locator(".st-key-tab_bar").get_by_role("radio", name=name, exact=True)


def open_tab(page: Page) -> str:
    return str(page.locator(".st-key-tab_bar [aria-checked=true]").inner_text())


def click_tab(page: Page, tab: str) -> None:
    """Click a tab and wait for what stands in it."""
    tab_button(page, tab).click()
    page.locator(TABS[tab]).filter(visible=True).first.wait_for()
    assert open_tab(page) == tab


def choices(page: Page, key: str) -> Locator:
    """The buttons of a choice of the open tab, by the end of its widget's key."""
    return page.locator(f"[class*='{key}'] button[role=radio]").filter(visible=True)


def chosen(page: Page, key: str) -> int:
    """Place of the chosen button."""
    script = "all => all.findIndex(b => b.getAttribute('aria-checked') === 'true')"
    return int(choices(page, key).evaluate_all(script))


def visible_text(page: Page, selector: str) -> str:
    """Text of the visible element; empty where there is none just now."""
    return str(
        page.evaluate(
            """selector => [...document.querySelectorAll(selector)]
              .filter(e => e.getBoundingClientRect().width > 0)
              .map(e => e.textContent).join('|')""",
            selector,
        )
    )


def loss_axis(page: Page) -> str:
    """Type of the loss chart's value axis, as Plotly draws it."""
    return str(
        page.evaluate(
            "(document.querySelector('.st-key-run_loss .js-plotly-plot') ?? {})"
            "._fullLayout?.yaxis.type ?? ''"
        )
    )


def maps(page: Page) -> list[str]:
    """Addresses of the four pictures: picture, source, target, drift."""
    images = page.locator(".st-key-run_maps img").filter(visible=True)
    return list(images.evaluate_all("all => all.map(e => e.src)"))


def wait_for(
    page: Page, shown: Callable[[], bool], what: str = "", timeout_ms: int = 60_000
) -> None:
    """Wait until `shown` is true; `what` names it in the message of a failure."""
    waited = 0
    while not shown():
        page.wait_for_timeout(20)
        waited += 20
        if waited > timeout_ms:
            pointer = page.evaluate("(window.seen?.pointer ?? []).slice(-12)")
            said = "\n".join(map(str, pointer))
            raise AssertionError(
                f"not shown after {timeout_ms} ms: {what} at {page.url}; the pointer:\n{said}"
            )


def state(page: Page) -> str:
    """The run's state as the header names it."""
    return str(page.locator(".st-key-run_header .stMarkdownBadge").inner_text())


def any_click(page: Page, chance: random.Random) -> tuple[str, Callable[[], None]]:
    """A click on another tab, or on a selector of the open one, each about as often."""
    tab = open_tab(page)
    selectors = [
        (key, count) for key in SELECTORS.get(tab, ()) if (count := choices(page, key).count()) > 1
    ]
    if selectors and chance.random() < 0.5:
        key, count = chance.choice(selectors)
        now = chosen(page, key)
        assert now >= 0
        other = chance.choice([place for place in range(count) if place != now])
        return "selector", lambda: click_choice(page, key, other)
    other_tab = chance.choice([name for name in TABS if name != tab])
    return "tab", lambda: click_tab(page, other_tab)


def click_choice(page: Page, key: str, place: int) -> None:
    """Click a selector's button and wait until the page shows what it stands for."""
    button = choices(page, key).nth(place)
    tab, words, before = open_tab(page), button.inner_text(), maps(page)
    button.click()

    def shown() -> bool:
        if chosen(page, key) != place:
            return False
        if key == "-loss":
            return loss_axis(page) == ("linear", "log")[place]
        if key == "-order":
            titles = ("Filters, most attended first", "Filter")
            return visible_text(page, ".st-key-run_attention .xtitle") == titles[place]
        if key == "-layer" and tab == "Attention":
            return visible_text(page, ".st-key-run_attention .gtitle") == words
        drawn = maps(page)
        return len(drawn) == 4 and drawn != before

    wait_for(page, shown, f"choice {place} of {key} ({words}) in {tab}")


def show(page: Page, seen: bool) -> None:
    """Tell the page that its tab is seen or hidden: a headless Chromium shows every tab it has."""
    page.evaluate(
        """seen => {
          const as = value => ({get: () => value, configurable: true});
          Object.defineProperty(document, 'visibilityState', as(seen ? 'visible' : 'hidden'));
          Object.defineProperty(document, 'hidden', as(!seen));
          document.dispatchEvent(new Event('visibilitychange'));
        }""",
        seen,
    )
