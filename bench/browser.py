"""What a browser does in `make console-check`: run by an environment that has Playwright and nothing else of ours.

Reads what to do from standard input, as JSON: `address`, `pages` (by name: `path` with its question, `title` in the
navigation, and what is asked there, a `label`, a `value` and what `shows` the answer, or null), `turns` and `loads`
(how often a page is opened by the navigation, and anew), `pictures` (a folder), `why` (what a reviewer says;
null where no case is to be decided). Writes how long everything took, in ms, and what was reviewed, to standard output.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from pathlib import Path

WIDTHS = {"wide": 1280, "narrow": 390}
HEIGHT = 900
PATIENCE_MS = 60_000
SMALL = 60  # percent of JPEG's quality: a page of text stays legible
DONE = "[data-testid=stApp][data-test-script-state=notRunning]"
SHOWN = f"{DONE} h1"
# A page's title stands in the tab, and its script has ended.
SHOWS = """title => document.title === title
    && document.querySelector("[data-testid=stApp][data-test-script-state=notRunning] h1") !== null
    && document.querySelector("[data-stale=true]") === null"""
DECIDE = "What were these payments"
FAILED = "[data-testid=stException]"
CONTRAST = Path(__file__).with_name("contrast.js").read_text()
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def main() -> int:
    from playwright.sync_api import sync_playwright

    asked = json.load(sys.stdin)
    browser_at = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser_at is None:
        print(f"expected one of {', '.join(BROWSERS)}; on Debian: apt-get install chromium", file=sys.stderr)
        return 2
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_at, args=["--no-sandbox"])
        try:
            told = walked(browser, asked)
        finally:
            browser.close()
    json.dump(told, sys.stdout)
    return 0


def walked(browser, asked: dict) -> dict:
    page = browser.new_page(viewport={"width": WIDTHS["wide"], "height": HEIGHT})
    page.set_default_timeout(PATIENCE_MS)
    first = timed(page, asked["address"])
    pages = {}
    for name, what in asked["pages"].items():
        address = f"{asked['address']}/{what['path']}"
        visit = timed(page, address)  # what is remembered is remembered from now on
        loads = [timed(page, address) for _ in range(asked["loads"])]
        waits = [wait for _ in range(asked["turns"]) for wait in opened(page, what, asked["pages"])]
        failed = page.locator(FAILED).count()
        timed(page, address)
        picture(page, asked["pictures"], name, "wide")
        page.screenshot(path=str(Path(asked["pictures"]) / f"{name}.jpg"), type="jpeg", quality=SMALL)  # for the docs
        pages[name] = {"first_ms": visit, "load_ms": loads, "ms": waits, "failed": failed}
    for look in ("narrow", "dark"):
        looks = {"viewport": {"width": WIDTHS["narrow" if look == "narrow" else "wide"], "height": HEIGHT}}
        if look == "dark":
            looks["color_scheme"] = "dark"
        page = browser.new_page(**looks)
        page.set_default_timeout(PATIENCE_MS)
        for name, what in asked["pages"].items():
            timed(page, f"{asked['address']}/{what['path']}")
            pages[name][f"{look}_overflows"] = page.evaluate(
                "document.documentElement.scrollWidth > document.documentElement.clientWidth"
            )
            pages[name][f"{look}_faint"] = page.evaluate(CONTRAST)
            picture(page, asked["pictures"], name, look)
    told = {"first_page_ms": first, "pages": pages}
    return told if asked["why"] is None else told | {"reviewed": reviewed(browser, asked)}


def opened(page, what: dict, pages: dict) -> list[float]:
    """ms that somebody waits who comes from another page by the navigation, and then asks what is asked there."""
    other = next(one["title"] for one in pages.values() if one["title"] != what["title"])
    went_to(page, other)
    waits = [went_to(page, what["title"])]
    if what["asks"]:
        box = page.get_by_label(what["asks"]["label"], exact=True)
        box.fill(what["asks"]["value"])
        begun = time.perf_counter()
        box.press("Enter")
        page.wait_for_selector(f"{DONE} {what['asks']['shows']}")
        waits.append((time.perf_counter() - begun) * 1000)
    return waits


def went_to(page, title: str) -> float:
    link = page.get_by_role("link", name=title, exact=True)
    begun = time.perf_counter()
    link.click()
    page.wait_for_function(SHOWS, arg=title)
    return (time.perf_counter() - begun) * 1000


def reviewed(browser, asked: dict) -> dict:
    """Takes the next case and calls it fraud, by the keyboard alone. The case's name, none where no case waits."""
    page = browser.new_page(viewport={"width": WIDTHS["wide"], "height": HEIGHT})
    page.set_default_timeout(PATIENCE_MS)
    timed(page, f"{asked['address']}/cases")
    pressed(page, "Next case")
    page.wait_for_selector(f"text=/{DECIDE}|No case waits/")
    if page.get_by_text("No case waits").count():
        return {"case": None}
    page.get_by_role("radiogroup", name="What were these payments?").get_by_role("radio").first.focus()
    page.keyboard.press("ArrowRight")
    page.get_by_label("Why", exact=True).focus()
    page.keyboard.type(asked["why"])
    page.keyboard.press("Tab")
    picture(page, asked["pictures"], "case", "wide")
    pressed(page, "Decide")
    page.wait_for_selector("text=/^Decided/")
    settled(page)
    picture(page, asked["pictures"], "case-decided", "wide")
    return {"case": page.url.partition("case=")[2]}


def pressed(page, name: str) -> None:
    button = page.get_by_role("button", name=name, exact=True)
    button.focus()
    page.keyboard.press("Enter")


def timed(page, address: str) -> float:
    """ms until the page's script has ended and its heading stands."""
    begun = time.perf_counter()
    page.goto(address)
    settled(page)
    return (time.perf_counter() - begun) * 1000


def settled(page) -> None:
    page.wait_for_selector(SHOWN)


def picture(page, folder: str, name: str, look: str) -> None:
    page.screenshot(path=str(Path(folder) / f"{name}-{look}.png"), full_page=True)


if __name__ == "__main__":
    sys.exit(main())
