"""The HTML of the playground: forms and empty pictures, which the scripts fill."""

import json
from html import escape

# The stylesheet and the scripts in docs/_static/playground, in the order in which they build
STYLE = "playground.css"
SCRIPTS = ["network.js", "data.js", "drawing.js", "pictures.js", "controls.js", "prox.js"]

FIRST = {"problem": "circles", "hidden": 3, "activation": "tanh", "rate": 0.2, "penalty": 0.0}
LABELS = {
    "problem": "Points",
    "hidden": "Hidden units",
    "activation": "Activation",
    "rate": "Learning rate η",
    "penalty": "L1 penalty λ₁",
}
HINT = (
    "Press ▶ Train, and three lines close the ring. Then take two hidden units: they leave it open."
)
# What the page proposes: a button, what it chooses, and what the reader then sees
SUGGESTIONS = [
    (
        "A ring needs three lines",
        {"problem": "circles", "hidden": 2, "activation": "tanh", "rate": 0.2, "penalty": 0.0},
        "Two lines leave the ring open. Take three hidden units, and they close it.",
    ),
    (
        "No bend, no curve",
        {"problem": "moons", "hidden": 8, "activation": "identity", "rate": 0.2, "penalty": 0.0},
        "Without a bent activation, eight units draw one straight line. Take tanh.",
    ),
    (
        "Switch units off",
        {"problem": "circles", "hidden": 8, "activation": "tanh", "rate": 0.2, "penalty": 0.01},
        "Dotted weights are exactly zero. Take a penalty of 0, and validation gets worse.",
    ),
    (
        "Too large a learning rate",
        {"problem": "squares", "hidden": 3, "activation": "tanh", "rate": 2.0, "penalty": 0.0},
        "Updates that are too long jump over the minimum: the loss rises. Take 0.2.",
    ),
]
CODE = """\
MLPScratchClassifier(
    {hidden}, "{activation}", solver="nag", learning_rate_init={rate}, l1={penalty}, alpha=0,
    max_iter={epochs}, n_iter_no_change={epochs}, random_state=SEED,
)"""


def in_words(value):
    """Return a number as JavaScript writes it, and a name as it is."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def group(name, values):
    """Return the radio buttons for one choice."""
    buttons = "".join(
        f'<label><input type="radio" name="{name}" value="{in_words(value)}"'
        f"{' checked' if value == FIRST[name] else ''}>{in_words(value)}</label>"
        for value in values
    )
    return (
        f"<fieldset><legend>{LABELS[name]}</legend>"
        f'<div class="pg-options">{buttons}</div></fieldset>'
    )


def suggestion(name, choice, hint):
    """Return the button of a suggestion."""
    values = {key: in_words(value) for key, value in choice.items()}
    return (
        f'<button type="button" data-choice="{escape(json.dumps(values))}" '
        f'data-hint="{escape(hint)}">{name}</button>'
    )


def networks(grid, epochs, seed):
    """Return the part of the page in which the reader chooses a network."""
    last = len(epochs) - 1
    return f"""
<div class="pg pg-networks" data-code="{escape(CODE.replace("SEED", str(seed)))}" hidden>
<div class="pg-try"><strong>Try:</strong> {" ".join(suggestion(*s) for s in SUGGESTIONS)}</div>
<p class="pg-hint" data-part="hint" role="status">{HINT}</p>
<form class="pg-grid" autocomplete="off">
<div>
{"".join(group(name, values) for name, values in grid.items())}
<div class="pg-slider pg-epochs">
<label for="pg-epoch">Epochs: <span data-part="epoch"></span></label>
<button type="button" class="pg-main" data-part="play">▶ Train</button>
</div>
<input type="range" id="pg-epoch" name="epoch" min="0" max="{last}" value="{last}">
<fieldset class="pg-point"><legend>Follow one point (or click in the plane)</legend>
{slider("x1", "x₁", -2.5, 2.5, 0.1, 0.8)}
{slider("x2", "x₂", -2.5, 2.5, 0.1, 0.5)}
</fieldset>
<label class="pg-check"><input type="checkbox" name="validation"> show the validation points</label>
</div>
<figure class="pg-picture">
<svg class="pg-plane" viewBox="0 0 400 400" role="img" data-part="plane"></svg>
<p class="pg-outcome" data-part="outcome" role="status" aria-live="polite"></p>
<figcaption>Discs are class 0, triangles class 1. The colour is the probability that the network
gives; the thick line is where it is one half. Each dashed line is where a hidden unit's z is
zero. The ring is the point that you follow.</figcaption>
</figure>
</form>
<div class="pg-pair">
<figure>
<svg viewBox="0 0 440 250" role="img" data-part="weights"></svg>
<figcaption><strong>Weights.</strong> Thick is large; solid is positive, dashed negative, dotted
exactly zero. Each square shows what its unit computes over the plane. The numbers are those of the
point that you follow: <span class="pg-pass" data-part="pass"></span></figcaption>
</figure>
<figure>
<svg viewBox="0 0 440 250" role="img" data-part="losses"></svg>
<figcaption><strong>Log loss.</strong> <span data-part="losses-now"></span> Each is a mean over 100
points. The network learns from the training points only.</figcaption>
</figure>
</div>
<pre aria-label="The code that trains this network" tabindex="0"><code data-part="code">
</code></pre>
</div>
"""


def slider(name, label, low, high, step, value):
    """Return a slider with its label and its value."""
    return (
        f'<div class="pg-slider"><label for="pg-{name}">{label}: '
        f'<span data-part="{name}"></span></label>'
        f'<input type="range" id="pg-{name}" name="{name}" min="{low}" max="{high}" step="{step}" '
        f'value="{value}"></div>'
    )


def prox():
    """Return the part of the page in which the reader sees the threshold of one weight."""
    return f"""
<div class="pg pg-prox" hidden>
<form class="pg-pair" autocomplete="off">
{slider("penalty", "Penalty λ₁", 0, 2, 0.1, 1)}
{slider("rate", "Learning rate η", 0.05, 0.5, 0.05, 0.2)}
{slider("best", "Weight that is best for the loss alone", -1.5, 1.5, 0.1, 0.6)}
</form>
<p class="pg-outcome" data-part="outcome" role="status" aria-live="polite"></p>
<div class="pg-pair">
<figure>
<svg viewBox="0 0 400 330" role="img" data-part="threshold"
 aria-label="The soft threshold: zero in the middle, a straight line on either side"></svg>
<figcaption><strong>The soft threshold.</strong> The dots are the updates of the path. What comes in
on the thick part goes out as zero.</figcaption>
</figure>
<figure>
<svg viewBox="0 0 400 330" role="img" data-part="paths"></svg>
<figcaption><strong>The weight over the updates.</strong> Solid: with the threshold. Dashed: along
a slope of the penalty instead, which jumps over zero and never stays. Dotted: best for the loss
alone.</figcaption>
</figure>
</div>
</div>
"""
