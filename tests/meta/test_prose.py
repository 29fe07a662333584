"""Pages and docstrings have short sentences and plain words."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Pages that are not held to these rules, and why
LEFT_OUT = {
    "changelog": "it has one line, which includes CHANGELOG.md, and that is checked",
}
PAGES = [
    "README.md",
    "CHANGELOG.md",
    *(f"docs/{p.name}" for p in sorted(ROOT.glob("docs/*.md")) if p.stem not in LEFT_OUT),
]
MODULES = [
    path.relative_to(ROOT).as_posix()
    for folder in ("sknn_scratch", "examples")
    for path in sorted((ROOT / folder).rglob("*.py"))
]
MOST_WORDS = 30
# Turns of phrase by which a native speaker stumbles
TURNS = {
    '"so" for "therefore"': r"[,;:] so (?!that\b)",
    '"of which"': r"\bof which\b",
    '"that of"': r"\bthat of\b",
    '"are told of"': r"\bare told of\b",
    '"one\'s own"': r"\bone's own\b",
}

CODE_BLOCK = re.compile(r"^```.*?^```$", re.S | re.M)
INDENTED_BLOCK = re.compile(r"(?<=\n\n)( {4}.*\n+)+")
ITEM = re.compile(r"\s*(?:[-*]|\d+\.) +")
HEADING_OR_ROW = re.compile(r"\s*(?:#+ |\|)")
LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
# Parts of a docstring that are no prose: examples, formulas, headings, a parameter and its type
EXAMPLE = re.compile(r"^ *>>>.*?(?:\n\s*\n|\Z)", re.S | re.M)
FORMULA = re.compile(r"(?<=::\n\n)(?: {4,}.*\n|\n)+", re.M)
UNDERLINED = re.compile(r"^.*\n-{3,}$", re.M)
FIELD = re.compile(r"^(?:[\w*]+(?:, [\w*]+)* : .*|\.\. .*)$", re.M)
ROLE_OR_CODE = re.compile(r"(?::[\w:]+:)?`+([^`]+)`+")
# A formula is read as one name, "the norm of W", however many signs it is set in
CODE_OR_FORMULA = re.compile(r"`[^`]+`|\$[^$]+\$")
END_OF_SENTENCE = re.compile(r"(?<=[.!?])\s+|(?<=[.!?]\))\s+| · ")


def units(page):
    """Yield what a sentence does not reach beyond: a paragraph, an item, a heading, a cell."""
    unit = ""
    for line in INDENTED_BLOCK.sub("\n", CODE_BLOCK.sub("", page)).splitlines():
        item, on_its_own = ITEM.match(line), HEADING_OR_ROW.match(line)
        if item or on_its_own or not line.strip():
            yield unit
            unit = ""
        if on_its_own:
            yield from line.split("|")
        else:
            unit += " " + (line[item.end() :] if item else line)
    yield unit


def sentences(page):
    """Yield the sentences of a page in Markdown, without its blocks of code.

    A cell of a table counts as a sentence, and so does each link in a row of them (` · `).
    A colon or a semicolon ends no sentence.
    """
    for unit in units(page):
        text = LINK.sub(r"\1", re.sub(r"<[^>]*>", "", unit)).replace("**", "")
        yield from END_OF_SENTENCE.split(" ".join(text.split()))


def n_words(sentence):
    """Count the words of a sentence; code and formulas are one word each, signs alone are none."""
    words = CODE_OR_FORMULA.sub("code", sentence).split()
    return sum(any(map(str.isalnum, word)) for word in words)


def faults(page):
    """Yield each sentence that breaks a rule, with the rule."""
    for sentence in sentences(page):
        if n_words(sentence) > MOST_WORDS:
            yield f"{n_words(sentence)} words", sentence
        for name, turn in TURNS.items():
            if re.search(turn, sentence, re.I):
                yield name, sentence


@pytest.mark.parametrize("page", PAGES)
def test_sentences_are_short_and_plain(page):
    found = [f"{rule}: {sentence}" for rule, sentence in faults((ROOT / page).read_text("utf-8"))]
    assert not found, "\n".join(found)


def docstrings(module):
    """Yield the docstrings in the text of a module, as pages in Markdown."""
    for node in ast.walk(ast.parse(module)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            text = ast.get_docstring(node) or ""
            for no_prose in (EXAMPLE, FORMULA, UNDERLINED, FIELD):
                text = no_prose.sub("\n", text + "\n")
            text = re.sub("^ {4}", "", text, flags=re.M)
            yield ROLE_OR_CODE.sub(r"`\1`", text)


@pytest.mark.parametrize("module", MODULES)
def test_docstrings_are_short_and_plain(module):
    found = [
        f"{rule}: {sentence}"
        for page in docstrings((ROOT / module).read_text("utf-8"))
        for rule, sentence in faults(page)
    ]
    assert not found, "\n".join(found)


MOST = " ".join(["word"] * MOST_WORDS)


@pytest.mark.parametrize(
    ("page", "n_faults"),
    [
        (f"{MOST} more.", 1),
        (f"# Title\n\n- An item\n  {MOST}.", 1),
        (f"| cell | {MOST} more |", 1),
        (f"{MOST}: more.", 1),
        (f"{MOST}.\n{MOST}. {MOST}! numpy?", 0),
        (f"(One is short.) {MOST}.", 0),
        (f"# {MOST}\n{MOST}\n- {MOST}\n1. {MOST}", 0),
        (f"| {MOST} | {MOST} |", 0),
        (f"{MOST} · {MOST}", 0),
        (f"```python\nof which\n```\n\n    {MOST} more\n    more\n", 0),
        (f"[A link](of which) and `{MOST}` - <img alt='{MOST}'>", 0),
        (f"{MOST[5:]} $\\lVert W_l \\rVert_2^2 + 2 x$.", 0),
        (f"{MOST} $x$.", 1),
        ("It is small, so it fits.", 1),
        ("It is small, so that it fits.", 0),
        ("Of which it is the mean, that of\nothers and one's own.", 3),
        ("Callbacks are told\nof each epoch.", 1),
    ],
)
def test_the_rules_find_what_they_forbid(page, n_faults):
    assert len(list(faults(page))) == n_faults


def test_docstrings_are_found():
    module = '''
class Network:
    """A network.

    Parameters
    ----------
    X : array-like of shape (n, m), of which some are None
        {most}.

    Notes
    -----
    It is small, so it fits::

        of which a = b

    >>> of_which
    that of
    """

    def fit(self):
        """Fit {most}."""
'''
    found = [fault for page in docstrings(module.format(most=MOST)) for fault in faults(page)]
    assert [rule for rule, _ in found] == ['"so" for "therefore"', "31 words"]
