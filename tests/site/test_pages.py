"""The built documentation in a browser without a network: all that a page needs is beside it.

.ci/run builds the documentation and then says where it lies, in the variable SKNN_SCRATCH_SITE.
"""

import os
import re
from pathlib import Path

import pytest

from ..browser import PROGRAM, browser

SITE = os.environ.get("SKNN_SCRATCH_SITE")
pytestmark = pytest.mark.skipif(not SITE, reason="SKNN_SCRATCH_SITE names no built documentation")
IS_FETCHED = re.compile(r"""<(?:script|img|link|iframe)\b[^>]*\b(?:src|href)=["'](?:https?:)?//""")
COUNT_FORMULAS = """({
    written: document.querySelectorAll(".math").length,
    set: document.querySelectorAll(".math .katex-html").length,
    wrong: document.querySelectorAll(".katex-error").length,
    fonts: [...document.fonts].filter(font => font.status === "loaded").map(font => font.family),
})"""
FIND_WIDE = """[document.documentElement, ...document.querySelectorAll("h1, h2, h3, p, li, td")]
    .filter(element => element.scrollWidth > Math.ceil(element.getBoundingClientRect().width))
    .map(element => element.textContent.slice(0, 80))"""
WAIT_FOR_RESULTS = """new Promise(done => {
    const look = () => /found \\d+ page/.test(document.querySelector("#search-results").innerText)
        ? done([...document.querySelectorAll("#search-results a")].map(link => link.href))
        : setTimeout(look, 50);
    look();
})"""
PHONE = 390  # pixels


@pytest.fixture(scope="module")
def pages():
    """Return the path of each page by its name, as in ``examples/index.html``."""
    site = Path(SITE).absolute()
    names = (path.relative_to(site) for path in sorted(site.rglob("*.html")))
    return {name.as_posix(): site / name for name in names if name.parts[0] != "_static"}


@pytest.fixture(scope="module")
def seen(pages, tmp_path_factory):
    """Return by page what it asked for, its errors, its formulas, and what a phone cuts off."""
    if not PROGRAM:
        pytest.skip("there is no Chromium")
    found = {}
    # Chromium may still write into its folder when it has ended, so that pytest removes it later
    with browser(tmp_path_factory.mktemp("browser")) as page:
        page.resize(PHONE)
        for name, path in pages.items():
            requests = page.open(path.as_uri())
            found[name] = {
                "elsewhere": [url for url in requests if not url.startswith(("file:", "data:"))],
                "errors": page.errors(),
                "formulas": page.run(COUNT_FORMULAS),
                "cut off": page.run(FIND_WIDE),
            }
    return found


def test_no_page_names_a_file_of_another_host(pages):
    """What can be seen without a browser."""
    assert {"index.html", "mathematics.html", "examples/index.html"} <= set(pages)
    texts = {name: path.read_text("utf-8") for name, path in pages.items()}
    assert [name for name, text in texts.items() if IS_FETCHED.search(text)] == []


def test_no_page_asks_another_host(seen):
    assert {page: found["elsewhere"] for page, found in seen.items() if found["elsewhere"]} == {}


def test_no_page_lacks_a_file_or_has_a_faulty_script(seen):
    assert {page: found["errors"] for page, found in seen.items() if found["errors"]} == {}


def test_every_formula_is_set(seen):
    """With the fonts of KaTeX: letters from another font would overlap."""
    formulas = {page: found["formulas"] for page, found in seen.items()}
    assert formulas["mathematics.html"]["written"] > 300
    assert {"KaTeX_Main", "KaTeX_Math"} <= set(formulas["mathematics.html"]["fonts"])
    assert {page: f for page, f in formulas.items() if f["wrong"] or f["set"] != f["written"]} == {}


def test_a_phone_shows_whole_lines(seen):
    """Formulas, blocks of code and tables scroll by themselves."""
    assert {page: found["cut off"] for page, found in seen.items() if found["cut off"]} == {}


def test_search_finds_pages(pages, tmp_path):
    """In a folder too, where a page may not fetch the others for excerpts."""
    if not PROGRAM:
        pytest.skip("there is no Chromium")
    with browser(tmp_path) as page:
        page.open(pages["search.html"].as_uri() + "?q=nesterov")
        links = page.run(WAIT_FOR_RESULTS)
    assert any(link.split("?")[0].endswith("/mathematics.html") for link in links)
