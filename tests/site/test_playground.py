"""The playground: its controls move its pictures, and its numbers are those of the package.

The page is the one of the site, with fewer networks, in a browser without a network.
"""

import json
import os
import re
import warnings
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from playground import grid, page
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss

from sknn_scratch import MLPScratchClassifier
from sknn_scratch.engine.penalties import ElasticNet

from ..browser import PROGRAM, browser

SITE = os.environ.get("SKNN_SCRATCH_SITE")  # as for test_pages.py
# All but one test could do without, but with a browser they take long beside other tests
pytestmark = pytest.mark.skipif(not SITE, reason="SKNN_SCRATCH_SITE names no built documentation")
STATIC = Path(__file__).parents[2] / "docs" / "_static" / "playground"
SMALL = {
    "problem": ["moons", "circles"],
    "hidden": [2, 3],
    "activation": ["tanh", "relu"],
    "rate": [0.2, 2.0],
    "penalty": [0.0, 0.01],
}
EPOCHS = [1, 8, 60]
PICTURES = ["plane", "weights", "losses"]
HELPERS = """
const inPart = (page, name) => document.querySelector(`.pg-${page} [data-part="${name}"]`);
const shown = (page, name) => inPart(page, name).outerHTML + inPart(page, name).textContent;
function move(page, name, value) {
  const control = document.querySelector(`.pg-${page} form`).elements[name];
  const radio = [...(control.length ? control : [])].find((button) => button.value === value);
  if (radio) return radio.click();
  if (control.type === "checkbox") return control.click();
  control.value = value;
  control.dispatchEvent(new Event("input", { bubbles: true }));
}
function besideUnits() {
  const values = inPart("networks", "weights").querySelectorAll(".pg-value");
  return [...values].map((value) => value.textContent).join(" ");
}
async function moreRedThanBlue() {
  const image = new Image();
  image.src = inPart("networks", "plane").querySelector("image").getAttribute("href");
  await image.decode();
  const brush = document.createElement("canvas").getContext("2d"); // 300 x 150 pixels
  brush.drawImage(image, 0, 0);
  const { data } = brush.getImageData(0, 0, image.width, image.height);
  return Array.from({ length: data.length / 4 }, (_, i) => data[4 * i] > data[4 * i + 2]);
}
function clickInPlane(right, down) {
  const box = inPart("networks", "plane").getBoundingClientRect();
  const [clientX, clientY] = [box.left + right * box.width, box.top + down * box.height];
  inPart("networks", "plane").dispatchEvent(new MouseEvent("click", { clientX, clientY }));
}
"""


def fitted(model, X, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Write the page and its networks, and return where."""
    folder = tmp_path_factory.mktemp("playground")
    data = json.dumps(grid.train(SMALL, EPOCHS, n_jobs=1))
    (folder / "data.js").write_text(f"playground.data = {data};", "utf-8")
    sources = [(folder if name == "data.js" else STATIC) / name for name in page.SCRIPTS]
    scripts = "".join(f'<script defer src="{path.as_uri()}"></script>' for path in sources)
    style = f'<link rel="stylesheet" href="{(STATIC / page.STYLE).as_uri()}">'
    style += "<style>:root { --pst-color-accent: #c132af; }</style>"  # the theme has it
    static = "".join(f'<p class="pg-static-{part}">figure</p>' for part in ("networks", "prox"))
    body = static + page.networks(SMALL, EPOCHS, grid.SEED) + page.prox()
    html = f'<!doctype html><html lang="en"><meta charset="utf-8">{style}{scripts}{body}</html>'
    (folder / "page.html").write_text(html, "utf-8")
    return (folder / "page.html").as_uri()


@pytest.fixture(scope="module")
def window(tmp_path_factory):
    if not PROGRAM:
        pytest.skip("there is no Chromium")
    with browser(tmp_path_factory.mktemp("browser")) as opened:
        opened.resize(1400)
        yield opened


@pytest.fixture
def opened(window, address):
    """Return the page as a reader finds it."""
    window.open(address)
    window.run(HELPERS)
    assert window.errors() == []
    return window


def move(opened, part, name, value):
    opened.run(f"move({part!r}, {name!r}, {str(value)!r})")


def shown(opened, part, names):
    return {name: opened.run(f"shown({part!r}, {name!r})") for name in names}


@pytest.mark.parametrize(
    ("name", "value", "changes"),
    [
        ("problem", "moons", "plane weights losses outcome"),
        ("hidden", "2", "plane weights losses outcome code"),
        ("activation", "relu", "plane weights losses outcome code"),
        ("rate", "2", "plane weights losses outcome code"),
        ("penalty", "0.01", "plane weights losses outcome code"),
        ("epoch", "0", "plane weights losses outcome code"),
        ("validation", "on", "plane"),
    ],
)
def test_a_control_moves_the_pictures(opened, name, value, changes):
    before = shown(opened, "networks", [*PICTURES, "outcome", "code"])
    move(opened, "networks", name, value)
    after = shown(opened, "networks", before)
    assert {part for part in before if after[part] != before[part]} == set(changes.split())


@pytest.mark.parametrize(("name", "value"), [("penalty", 0.3), ("rate", 0.5), ("best", -1)])
def test_a_slider_moves_the_threshold_and_the_path(opened, name, value):
    names = ["threshold", "paths", "outcome", name]
    before = shown(opened, "prox", names)
    move(opened, "prox", name, value)
    after = shown(opened, "prox", names)
    unmoved = {"threshold"} if name == "best" else set()  # the curve; updates are dots on it
    assert {part for part in before if after[part] == before[part]} <= unmoved


@pytest.mark.parametrize("choice", [*product(*SMALL.values(), range(len(EPOCHS)))][::11])
def test_numbers_are_those_of_the_package(opened, choice):
    """The code on the page, run here, gives the network on the page."""
    *settings, epoch = choice
    for name, value in zip(SMALL, settings, strict=True):
        move(opened, "networks", name, page.in_words(value))
    move(opened, "networks", "epoch", epoch)
    X, y, X_val, y_val = grid.samples(choice[0])
    code = opened.run("inPart('networks', 'code').textContent")
    model = fitted(eval(code, {"MLPScratchClassifier": MLPScratchClassifier}), X, y)
    expected = model.predict_proba(X_val)

    wanted = json.dumps(dict(zip(SMALL, settings, strict=True)))
    network = f"playground.network({wanted}, {epoch})"
    found = opened.run(f"{X_val.tolist()}.map((x) => playground.probability({network}, x))")
    # Half precision has 11 bits: a weight is off by up to 1 in 2048, a score by the sum of that
    np.testing.assert_allclose(found, expected[:, 1], atol=5e-3)

    words = opened.run("inPart('networks', 'outcome').textContent")
    right, zeros, n_weights = map(int, re.findall(r"(\d+) %.*? (\d+) of (\d+)", words)[0])
    assert abs(right / 100 - model.score(X_val, y_val)) < 0.011  # of a point on the boundary
    assert zeros == sum((weights == 0).sum() for weights in model.coefs_)
    assert n_weights == sum(weights.size for weights in model.coefs_)
    losses = opened.run("inPart('networks', 'losses-now').textContent")
    assert [float(loss) for loss in re.findall(r"\d\.\d+", losses)] == pytest.approx(
        [log_loss(y, model.predict_proba(X)), log_loss(y_val, expected)], abs=0.01
    )


def test_the_plane_has_the_colour_of_the_predicted_class(opened):
    """Class 1 is more red than blue, and each of the 80 x 80 pixels is where it belongs."""
    X, y, *_ = grid.samples("moons")  # not symmetric
    choice = {"hidden": 3, "activation": "tanh", "rate": 0.2, "penalty": 0.0}
    model = fitted(grid.network(**choice, max_iter=EPOCHS[-1]), X, y)
    move(opened, "networks", "problem", "moons")
    found = np.reshape(opened.run("moreRedThanBlue()"), (80, 80))
    centres = 2.6 * ((2 * np.arange(80) + 1) / 80 - 1)  # of pixels, in standardised features
    points = [(x1, x2) for x2 in centres[::-1] for x1 in centres]  # the picture begins at the top
    p = model.predict_proba(points)[:, 1].reshape(80, 80)
    is_clear = abs(p - 0.5) > 0.05
    assert is_clear.mean() > 0.9
    np.testing.assert_array_equal(found[is_clear], (p > 0.5)[is_clear])


def test_the_threshold_is_the_proximal_operator(opened):
    weights = np.linspace(-2, 2, 41)
    found = opened.run(f"{weights.tolist()}.map(w => playground.softThreshold(w, 0.3))")
    ElasticNet(l1=0.6).prox(weights, 0.5, np.empty_like(weights))
    np.testing.assert_array_equal(found, weights)


@pytest.mark.parametrize(
    ("best", "penalty", "rate"),
    [(0.6, 1.0, 0.2), (-0.9, 0.3, 0.5), (-1.5, 2.0, 0.05), (1.5, 1.5, 0.4)],
)
def test_words_say_where_the_weight_goes(opened, best, penalty, rate):
    for name, value in {"best": best, "penalty": penalty, "rate": rate}.items():
        move(opened, "prox", name, value)
    weight, path = np.full(1, -1.5), []
    for _ in range(1000):
        weight -= rate * (weight - best)
        ElasticNet(l1=penalty).prox(weight, rate, np.empty(1))
        path.append(weight[0])
    words = opened.run("inPart('prox', 'outcome').textContent").replace("−", "-")
    if path[-1]:
        assert words.endswith(f"pulls with {abs(best)}: the weight goes to {path[-1]:.2f}.")
    elif path.index(0) < 30:
        assert words.endswith(f"from update {path.index(0) + 1} on, the weight is exactly zero.")
    else:
        assert words.endswith("goes to zero, but takes more updates than these.")


def test_suggestions_choose_and_say_what_to_see(opened):
    move(opened, "networks", "epoch", 0)
    before = shown(opened, "networks", PICTURES)
    opened.run("document.querySelector('[data-choice]').click()")
    after = shown(opened, "networks", PICTURES)
    assert [part for part in PICTURES if after[part] == before[part]] == []
    assert opened.run("inPart('networks', 'hint').textContent") == page.SUGGESTIONS[0][2]
    assert opened.run("inPart('networks', 'epoch').textContent") == "60"  # what the hint is about


def test_training_is_played_to_the_last_epoch(opened):
    opened.run("for (const play of [inPart('networks', 'play')]) play.click()")
    assert opened.run("inPart('networks', 'epoch').textContent") == "1"
    done = "new Promise(done => setInterval(() => inPart('networks', 'epoch').textContent === '60'"
    opened.run(f"{done} && done(1), 50))")
    assert "After 60 epochs" in opened.run("inPart('networks', 'outcome').textContent")


def test_one_point_is_followed_through_the_network(opened):
    """The numbers are those of the package; they stand beside the units, too."""
    X, y, *_ = grid.samples("circles")
    choice = {"hidden": 3, "activation": "tanh", "rate": 0.2, "penalty": 0.0}
    model = fitted(grid.network(**choice, max_iter=EPOCHS[-1]), X, y)
    before = shown(opened, "networks", [*PICTURES, "pass"])
    move(opened, "networks", "x1", -1.2)
    move(opened, "networks", "x2", 0.4)
    after = shown(opened, "networks", before)
    assert {name for name in before if after[name] != before[name]} == {"plane", "weights", "pass"}

    words = opened.run("inPart('networks', 'pass').textContent").replace("−", "-")
    numbers = re.findall(r"-?\d+\.\d+", words)
    point = np.array([[-1.2, 0.4]])
    a, p = model.hidden_outputs(point)[0], model.predict_proba(point)[0, 1]
    found = [float(number) for number in numbers]
    np.testing.assert_allclose(found, [-1.2, 0.4, *a, np.log(p / (1 - p)), p], atol=0.02)
    beside = opened.run("besideUnits()").replace("−", "-").split()
    assert beside == [*numbers[:5], numbers[6]]  # all but z


def test_a_click_in_the_plane_takes_a_point_to_follow(opened):
    opened.run("clickInPlane(0.25, 0.5)")
    words = opened.run("inPart('networks', 'pass').textContent")
    assert words.startswith("x = (−1.30, 0.00), ")


def test_the_keyboard_is_enough(opened):
    """An arrow key on a group of choices takes the next one, and the focus can be seen."""
    opened.send("Emulation.setFocusEmulationEnabled", enabled=True)  # as in a window on top
    opened.run("document.querySelector('[name=hidden]:checked').focus()")
    key = {"key": "ArrowLeft", "code": "ArrowLeft", "windowsVirtualKeyCode": 37}
    for kind in ("rawKeyDown", "keyUp"):
        opened.send("Input.dispatchKeyEvent", type=kind, **key)
    assert opened.run("document.querySelector('[name=hidden]:checked').value") == "2"
    assert "MLPScratchClassifier(\n    2," in opened.run("inPart('networks', 'code').textContent")
    outline = "getComputedStyle(document.activeElement.parentElement).outlineStyle"
    assert opened.run(outline) == "solid"


def test_a_form_is_never_sent(opened):
    """Where a browser sends a form on Enter, the page would begin anew."""
    opened.run("addEventListener('submit', (event) => (window.isSent = !event.defaultPrevented))")
    for part in ("networks", "prox"):
        opened.run(
            f"window.isSent = null; document.querySelector('.pg-{part} form').requestSubmit()"
        )
        assert opened.run("window.isSent") is False


def test_screen_readers_are_told_of_every_control_and_picture(opened):
    nodes = opened.send("Accessibility.getFullAXTree")["nodes"]
    told = [node for node in nodes if not node["ignored"]]
    for role in ("radio", "slider", "checkbox", "button", "image", "group"):
        names = [node["name"]["value"] for node in told if node["role"]["value"] == role]
        assert names, role
        assert all(names), (role, names)
    said = {
        node["name"]["value"]: entry["value"]["value"]
        for node in told
        for entry in node.get("properties", [])
        if entry["name"] == "valuetext"
    }
    assert said["Epochs: 60"] == "60 epochs"
    assert re.fullmatch(r"0\.80, p is 0\.\d\d", said["x₁: 0.80"])


def test_without_scripts_the_figures_stand_there(window, address):
    window.send("Emulation.setScriptExecutionDisabled", value=True)
    try:
        window.open(address)
        for selector, display in [(".pg-static-networks", "block"), (".pg-networks", "none")]:
            style = f"getComputedStyle(document.querySelector('{selector}')).display"
            assert window.run(style) == display
    finally:
        window.send("Emulation.setScriptExecutionDisabled", value=False)


def test_with_scripts_they_do_not(opened):
    assert opened.run("document.querySelector('.pg-static-networks').hidden")
    assert opened.run("document.querySelector('.pg-static-prox').hidden")


def test_the_built_page_answers_and_no_other_loads_it(window):
    requests = window.open(Path(SITE, "index.html").absolute().as_uri())
    assert [url for url in requests if "/playground/" in url] == []
    window.open(Path(SITE, "playground.html").absolute().as_uri())
    window.run(HELPERS)
    for part, name, value, picture in [
        ("networks", "hidden", "2", "plane"),
        ("prox", "penalty", "0.3", "paths"),
    ]:
        before = shown(window, part, [picture])
        move(window, part, name, value)
        assert shown(window, part, [picture]) != before
    assert window.errors() == []


def test_the_weights_take_a_few_hundred_kilobytes():
    n_choices = np.prod([len(values) for name, values in grid.GRID.items() if name != "hidden"])
    n_parameters = sum(4 * hidden + 1 for hidden in grid.GRID["hidden"])
    assert n_choices * n_parameters * len(grid.EPOCHS) * 2 * 4 / 3 < 400_000


def model_of(choice, **changes):
    """Return the network of a suggestion after its last epoch, and its data."""
    choice = choice | changes
    X, y, X_val, y_val = grid.samples(choice.pop("problem"))
    model = fitted(grid.network(**choice, max_iter=grid.EPOCHS[-1]), X, y)
    return model, X, y, X_val, y_val


def losses_of(choice, **changes):
    model, X, y, X_val, y_val = model_of(choice, **changes)
    return [log_loss(y, model.predict_proba(X)), log_loss(y_val, model.predict_proba(X_val))]


@pytest.mark.parametrize("choice", [page.FIRST, *(choice for _, choice, _ in page.SUGGESTIONS)])
def test_what_the_page_chooses_is_in_the_grid(choice):
    assert list(choice) == list(grid.GRID)
    assert [name for name, value in choice.items() if value not in grid.GRID[name]] == []


def test_hints_say_what_is_so():
    ring, no_bend, penalty, fast = (choice for _, choice, _ in page.SUGGESTIONS)

    def score(choice, **changes):
        model, _, _, X_val, y_val = model_of(choice, **changes)
        return model.score(X_val, y_val)

    assert score(ring) < 0.85 < 0.92 < score(ring, hidden=3)
    assert score(no_bend) < 0.85 < 0.9 < score(no_bend, activation="tanh")
    model, *_ = model_of(penalty)
    assert (model.coefs_[1] == 0).any()
    assert losses_of(penalty, penalty=0.0)[1] > 1.2 * losses_of(penalty)[1]  # validation
    curve = model_of(fast)[0].loss_curve_
    assert curve[-1] > 2 * min(curve)
    assert losses_of(fast, rate=0.2)[0] < 0.3


def test_weights_that_half_precision_cannot_hold_are_an_error():
    for weight in (1e6, 1e-9, np.nan):
        with pytest.raises(ValueError, match="half precision"), np.errstate(over="ignore"):
            grid.packed(np.array([weight]))
