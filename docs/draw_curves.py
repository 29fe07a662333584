"""Draw curves of the mathematics by the package's own solvers: ``python docs/draw_curves.py``.

The pictures: iterates in a narrow valley, contraction factors, and the proximal operator of L1. A
test draws all again and compares.
"""

import numpy as np
from _svg import BLUE, GREEN, GREY, ORANGE, picture, plain_text, text, write_or_check

from sknn_scratch.engine.parameters import Parameters
from sknn_scratch.engine.penalties import ElasticNet
from sknn_scratch.engine.solvers import SGD, GradientDescent, Nesterov

RATE = 0.5
CURVATURE = np.array([0.02, 1.0])  # along and across the valley; the learning rate times them is
ROOT = np.sqrt(RATE * CURVATURE[0])  # 0.01 at least: its root is 0.1
MOMENTUM = (1 - ROOT) / (1 + ROOT)
METHODS = {
    "gd": (GradientDescent(), BLUE, ""),
    "momentum": (SGD(momentum=MOMENTUM, nesterovs_momentum=False), ORANGE, "7 3"),
    "Nesterov's momentum": (SGD(momentum=MOMENTUM), GREEN, "2 2"),
    "nag": (Nesterov(), GREY, ""),
}
N_UPDATES = 40


def iterates(solver, n_updates=N_UPDATES):
    """Return p_0, p_1, ... of a solver on f(p) = sum_i c_i p_i^2 / 2."""
    params = Parameters((1, 1), np.array([3.0, 1.0]))
    state, path = solver.init(params), [params.flat.copy()]
    for _ in range(n_updates):
        gradient = CURVATURE * solver.point(params, state).flat
        solver.step(params, gradient, state, RATE, None)
        path.append(params.flat.copy())
    return np.array(path)


def factor(name, x):
    """Return the contraction factor where learning rate times curvature is x: the largest root."""
    b = MOMENTUM
    middle, product = {
        "gd": (1 - x, 0 * x),
        "momentum": (1 + b - x, b + 0 * x),
        "Nesterov's momentum": ((1 + b) * (1 - x), b * (1 - x)),
    }[name]
    root = np.sqrt((middle / 2) ** 2 - product + 0j)
    return np.maximum(abs(middle / 2 + root), abs(middle / 2 - root))


def measured_factor(name, x):
    """Return the same from the solver: the spectral radius of one update of p and its state."""
    solver, columns = METHODS[name][0], []
    for start in np.eye(1 if name == "gd" else 2):
        params = Parameters((1, 1), np.full(2, start[0]))
        state = solver.init(params)
        for vector in solver.state_vectors(state):
            vector[:] = start[1]
        solver.step(params, x * params.flat, state, 1.0, None)
        columns.append([v[0] for v in (params.flat, *solver.state_vectors(state))])
    return abs(np.linalg.eigvals(np.array(columns).T)).max()


class Axes:
    """A rectangle of the picture, and the data range that it shows."""

    def __init__(self, box, x_range, y_range):
        self.left, self.top, self.width, self.height = box
        self.x_range, self.y_range = x_range, y_range

    def at(self, x, y):
        """Return the place of a point."""
        (x0, x1), (y0, y1) = self.x_range, self.y_range
        return (
            self.left + (x - x0) / (x1 - x0) * self.width,
            self.top + (y1 - y) / (y1 - y0) * self.height,
        )

    def frame(self, x_label, y_label, x_ticks, y_ticks):
        """Return the frame with labels and ticks, whose texts are given by their places."""
        bottom, middle = self.top + self.height, self.top + self.height / 2
        parts = [
            f'<rect x="{self.left}" y="{self.top}" width="{self.width}" height="{self.height}" '
            'fill="none" stroke="#999"/>',
            text(self.left + self.width / 2, bottom + 34, x_label),
            f'<g transform="rotate(-90 {self.left - 34} {middle})">'
            f"{text(self.left - 34, middle, y_label)}</g>",
        ]
        for tick, name in x_ticks.items():
            parts.append(text(self.at(tick, 0)[0], bottom + 16, name, colour=GREY))
        for tick, name in y_ticks.items():
            y = self.at(0, tick)[1]
            parts.append(text(self.left - 6, y + 4, name, anchor="end", colour=GREY))
        return parts

    def line(self, x, y, colour, dash="", width=2):
        """Return a line through points."""
        places = " ".join(
            "{:.1f},{:.1f}".format(*self.at(*point)) for point in zip(x, y, strict=True)
        )
        return (
            f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="{width}"'
            + f' stroke-dasharray="{dash}"' * bool(dash)
            + "/>"
        )

    def dots(self, x, y, colour, radius=2.2):
        """Return a dot for each point."""
        places = [self.at(*point) for point in zip(x, y, strict=True)]
        return [
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{colour}"/>' for x, y in places
        ]

    def contours(self, heights):
        """Return where f has these values: ellipses, cut off at the frame."""
        (x, y), (right, above) = self.at(0, 0), self.at(1, 1)
        parts = [
            f'<svg x="{self.left}" y="{self.top}" width="{self.width}" height="{self.height}">'
        ]
        for height in heights:
            radii = np.sqrt(2 * height / CURVATURE) * (right - x, y - above)
            parts.append(
                f'<ellipse cx="{x - self.left:.1f}" cy="{y - self.top:.1f}" rx="{radii[0]:.1f}" '
                f'ry="{radii[1]:.1f}" fill="none" stroke="#ccc"/>'
            )
        return [*parts, "</svg>"]


def legend(x, y, entries):
    """Return lines with their names, one below the other: (name, colour, dash) each."""
    parts = []
    for name, colour, dash in entries:
        parts.append(
            f'<line x1="{x}" y1="{y - 4}" x2="{x + 26}" y2="{y - 4}" stroke="{colour}" '
            'stroke-width="2"' + f' stroke-dasharray="{dash}"' * bool(dash) + "/>"
        )
        parts.append(f'<text x="{x + 32}" y="{y}">{name}</text>')
        y += 18
    return parts


def draw_iterates():
    """Return the picture of the iterates of each method in the valley."""
    parts = []
    for row, (name, (solver, colour, _)) in enumerate(METHODS.items()):
        axes = Axes((10, 26 + 122 * row, 440, 92), (-1.1, 3.3), (-1.1, 1.1))
        path = iterates(solver)
        parts += axes.contours((0.002, 0.01, 0.03, 0.07, 0.13, 0.3))
        parts.append(axes.line(*path.T, colour, width=1.2))
        parts += axes.dots(*path.T, colour)
        parts += axes.dots([0], [0], "#222222", radius=3)
        value = (CURVATURE * path[-1] ** 2).sum() / 2
        title = f"{name}: f = {value:.0e} after {N_UPDATES} updates".replace("e-0", "e-")
        parts.append(plain_text(230, 18 + 122 * row, title))
    label = "Iterates of gd, momentum, Nesterov's momentum and nag in a narrow valley"
    return picture(460, 20 + 122 * len(METHODS), label, parts)


def draw_factors():
    """Return the picture of the contraction factors over learning rate times curvature."""
    axes = Axes((54, 12, 390, 210), (-2.3, 0), (0, 1.04))
    labels = "learning rate times curvature (logarithmic)", "contraction factor"
    parts = axes.frame(*labels, {-2: "0.01", -1: "0.1", 0: "1"}, {0: "0", 0.5: "0.5", 1: "1"})
    names = ("gd", "momentum", "Nesterov's momentum")
    for name in names:
        _, colour, dash = METHODS[name]
        exponent, few = np.linspace(-2.3, -1e-3, 151), np.linspace(-2.2, -0.05, 9)
        parts.append(axes.line(exponent, factor(name, 10**exponent), colour, dash))
        parts += axes.dots(few, [measured_factor(name, 10**e) for e in few], colour, 4)
    entries = [(name, *METHODS[name][1:]) for name in names]
    parts += legend(66, 160, entries)
    label = "Contraction factors of gd, momentum and Nesterov's momentum"
    return picture(460, 266, label, [*parts, plain_text(126, 214, "dots: by the solvers")])


def draw_prox():
    """Return what the proximal operator does to one weight: the minimum, and the whole function."""
    u, threshold = np.linspace(-0.8, 1.6, 97), 0.6
    left = Axes((28, 30, 200, 190), (-0.8, 1.6), (0, 1.8))
    parts = left.frame("u", "", {0: "0", 1: "1"}, {})
    parts.append(plain_text(128, 20, "(u \u2212 w)\u00b2 / 2 + 0.6 |u|"))
    weights = [(0.4, ORANGE), (1.2, BLUE)]
    for w, colour in weights:
        value = (u - w) ** 2 / 2 + threshold * abs(u)
        parts.append(left.line(u[value < 1.8], value[value < 1.8], colour))
        lowest = prox(np.array([w]), threshold)
        parts += left.dots(lowest, (lowest - w) ** 2 / 2 + threshold * abs(lowest), colour, 4.5)
    parts += legend(28, 276, [(f"w = {w}", colour, "") for w, colour in weights])
    right = Axes((276, 30, 200, 190), (-1.5, 1.5), (-1.5, 1.5))
    ticks = {-1: "\u22121", 0: "0", 1: "1"}
    parts += right.frame("w", "", ticks, ticks)
    parts.append(plain_text(376, 20, "the weight w becomes u"))
    w = np.linspace(-1.5, 1.5, 101)
    parts.append(right.line(w, w, "#bbbbbb", width=1))
    for side in (w < 0, w > 0):
        parts.append(right.line(w[side], w[side] - threshold * np.sign(w[side]), ORANGE, "3 3"))
    parts.append(right.line(w, prox(w, threshold), BLUE))
    entries = [("proximal operator", BLUE, ""), ("subgradient", ORANGE, "3 3")]
    label = "The proximal operator of L1: its minimum for two weights, and the soft threshold"
    return picture(490, 304, label, parts + legend(276, 276, entries))


def prox(w, threshold):
    """Return the package's proximal operator of the L1 penalty."""
    u = w.copy()
    ElasticNet(l1=1.0).prox(u, threshold, np.empty_like(u))
    return u


def draw_all():
    """Return all pictures by their names."""
    return {
        "maths_iterates.svg": draw_iterates(),
        "maths_factors.svg": draw_factors(),
        "maths_prox.svg": draw_prox(),
    }


if __name__ == "__main__":
    write_or_check(draw_all())
