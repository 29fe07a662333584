"""Draw the matrices of the mathematics as boxes, in proportion: ``python docs/draw_shapes.py``.

A picture is described by equations, in which each matrix is followed by its rows and columns. The
script refuses an equation whose shapes do not fit. A test draws all again and compares.
"""

import re

from _svg import GREY, ORANGE, picture, plain_text, text, write_or_check

# Pixels of each size: n samples, d inputs, h hidden units, K outputs
PIXELS = {"n": 84, "d": 62, "h": 46, "K": 30, "1": 12}
COLOURS = {"W": "#fbe0c3", "∂": "#fbe0c3", "Δ": "#d3ecd9", "δ": "#d3ecd9", "P": "#d3ecd9"}
COLOURS |= {"Y": "#d3ecd9", "1": "#eeeeee", "b": "#eeeeee", "M": "#eeeeee"}
DATA = "#d6e6f7"  # all others: X, A, Z
SIGNS = {"@": "", "∘": "∘", "+": "+", "-": "\u2212", "=": "="}  # a product needs no sign

PICTURES = {
    "maths_forward.svg": [
        "Z_1 [n h] = X [n d] @ W_1 [d h] + 1 [n 1] @ b_1^T [1 h]",
        "Z_2 [n K] = A_1 [n h] @ W_2 [h K] + 1 [n 1] @ b_2^T [1 K]",
    ],
    "maths_loss.svg": ["n Δ_2 [n K] = P [n K] - Y [n K]"],
    "maths_backward.svg": [
        "∂F/∂W_2 [h K] = A_1^T [h n] @ Δ_2 [n K]",
        "∂F/∂b_2 [K 1] = Δ_2^T [K n] @ 1 [n 1]",
        "Δ_1 [n h] = Δ_2 [n K] @ W_2^T [K h] ∘ f'(Z_1) [n h]",
        "∂F/∂W_1 [d h] = X^T [d n] @ Δ_1 [n h]",
    ],
    "maths_one_sample.svg": [
        "∂ℓ/∂W_2 [h K] = a_1 [h 1] @ δ_2^T [1 K]",
        "δ_1 [h 1] = W_2 [h K] @ δ_2 [K 1] ∘ f'(z_1) [h 1]",
    ],
    "maths_dropout.svg": ["A_1 [n h] ∘ M [n h] = A_1 ∘ M [n h]"],
}
OPERAND = re.compile(r"(\S.*?) \[(\w) (\w)\]")
GAP, MARGIN = 9, 24


def parse(equation):
    """Return the operands of an equation, as (name, rows, columns), and the signs between them."""
    operands = OPERAND.findall(re.sub(r"\] [@∘+=-] ", "] ", equation))
    signs = re.findall(r"\] ([@∘+=-]) ", equation)
    if len(signs) != len(operands) - 1 or signs.count("=") != 1:
        raise ValueError(f"Not an equation: {equation}")
    return operands, signs


def shape_of_side(operands, signs):
    """Return the rows and columns of one side of an equation, whose shapes must fit."""
    shape, terms = operands[0][1:], []
    for sign, (name, rows, columns) in zip(signs, operands[1:], strict=True):
        if sign == "@":
            if shape[1] != rows:
                raise ValueError(f"{name} has {rows} rows, and {shape[1]} columns are before it")
            shape = (shape[0], columns)
        elif sign == "∘":
            if shape != (rows, columns):
                raise ValueError(f"{name} has the shape {rows, columns}, not {shape}")
        else:
            terms.append(shape)
            shape = (rows, columns)
    if any(term != shape for term in terms):
        raise ValueError(f"The terms have different shapes: {[*terms, shape]}")
    return shape


def check_shapes(operands, signs):
    """Raise a ValueError unless both sides have the same shape."""
    middle = signs.index("=")
    left = shape_of_side(operands[: middle + 1], signs[:middle])
    right = shape_of_side(operands[middle + 1 :], signs[middle + 1 :])
    if left != right:
        raise ValueError(f"The left side has the shape {left}, the right side {right}")


def letters(name):
    """Return the number of letters that are seen of a name."""
    return len(re.sub(r"[_^]", "", name))


def fits_inside(operand):
    """Return whether the name of a matrix fits into its box; otherwise it stands below."""
    name, rows, columns = operand
    return letters(name) * 9 < PIXELS[columns] and PIXELS[rows] > 20


def draw_box(x, middle, operand):
    """Return a box with its name and sizes, and the x of its right edge."""
    name, rows, columns = operand
    width, height = PIXELS[columns], PIXELS[rows]
    colour = COLOURS.get(name.removeprefix("n ")[0], DATA)
    top, inside = middle - height / 2, fits_inside(operand)
    parts = [
        f'<rect x="{x:.1f}" y="{top:.1f}" width="{width}" height="{height}" fill="{colour}" '
        'stroke="#555"/>',
        text(x + width / 2, middle + 5 if inside else top + height + 17, name, css="name"),
        text(x + width / 2, top - 5, columns, css="size"),
        text(x - 5, middle + 4, rows, css="size", anchor="end"),
    ]
    return parts, x + width


def draw_equation(equation, top):
    """Return the boxes of an equation, its width and the y below it."""
    operands, signs = parse(equation)
    check_shapes(operands, signs)
    middle = top + 20 + max(PIXELS[rows] for _, rows, _ in operands) / 2
    depths = [PIXELS[o[1]] / 2 + (0 if fits_inside(o) else 22) for o in operands]
    x, parts = MARGIN, []
    for sign, operand in zip(["", *signs], operands, strict=True):
        if SIGNS.get(sign):
            parts.append(text(x + GAP + 5, middle + 6, sign, css="name"))
            x += 2 * GAP + 10
        room = max(0, letters(operand[0]) * 7 - PIXELS[operand[2]]) / 2
        box, x = draw_box(x + 14 + room, middle, operand)
        parts += box
        x += room
    return parts, x + MARGIN, middle + max(depths) + 14


def draw(equations):
    """Return the picture of some equations, one below the other."""
    parts, width, top = [], 0, 4
    for equation in equations:
        boxes, right, top = draw_equation(equation, top)
        parts, width = parts + boxes, max(width, right)
    return picture(width, top, "Shapes: " + "; ".join(equations), parts)


def draw_vector():
    """Return the picture of the vector of all parameters, with its penalised slice."""
    names = {"W_1": 150, "W_2": 80, "b_1": 46, "b_2": 24}
    parts, x = [], 16
    for name, width in names.items():
        parts.append(
            f'<rect x="{x}" y="16" width="{width}" height="30" fill="{COLOURS[name[0]]}" '
            'stroke="#555"/>'
        )
        parts.append(text(x + width / 2, 36, name, css="name"))
        x += width
    parts.append(f'<path d="M16 54 v8 h230 v-8" fill="none" stroke="{GREY}"/>')
    parts.append(text(131, 78, "penalised: one slice"))
    return picture(
        x + 16, 88, "One vector: W_1, W_2, then b_1, b_2; the weights are a slice", parts
    )


def draw_groups():
    """Return the picture of a row and of a column of a weight matrix."""
    parts = []
    for x, title, below, letter, at, stripe in [
        (50, "group_l1", "all that leaves input j", "j", (42, 64), (50, 52, 90, 14)),
        (240, "max_norm", "all that enters unit k", "k", (299, 20), (292, 26, 14, 70)),
    ]:
        left, top, width, height = stripe
        parts += [
            f'<rect x="{x}" y="26" width="90" height="70" fill="#fbe0c3" stroke="#555"/>',
            f'<rect x="{left}" y="{top}" width="{width}" height="{height}" fill="{ORANGE}"/>',
            text(*at, letter, css="size"),
            text(x + 45, 116, below),
            plain_text(x + 45, 134, title),
        ]
    return picture(380, 144, "group_l1 takes a row of a weight matrix, max_norm a column", parts)


def draw_all():
    """Return all pictures by their names."""
    pictures = {name: draw(equations) for name, equations in PICTURES.items()}
    return pictures | {"maths_vector.svg": draw_vector(), "maths_groups.svg": draw_groups()}


if __name__ == "__main__":
    write_or_check(draw_all())
