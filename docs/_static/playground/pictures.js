/* The three pictures of a network: the plane that it divides, its weights, and its losses. */
"use strict";

(() => {
  const { svg, caption, line, linear, logarithmic, axes, heat, zeroLines } = playground;
  const LIMIT = 2.6; // the plane goes from -LIMIT to LIMIT in both features, which are standardised
  const SIZE = 400; // of the picture of the plane, in its own units
  const N_PIXELS = 80; // of the raster along each side of the plane

  /* The centres of n x n pixels, row by row from the top left */
  function raster(n) {
    const at = (i) => LIMIT * ((2 * i + 1) / n - 1);
    return Array.from({ length: n * n }, (_, i) => [at(i % n), -at(Math.floor(i / n))]);
  }
  const POINTS = raster(N_PIXELS);
  const POINTS_OF_A_UNIT = raster(16);

  /* Class 0 has discs and class 1 has triangles, so that no reader needs the colours. */
  function mark([x, y], label, of) {
    const shape = label
      ? svg("path", { d: `M${x} ${y - 5.5}l5.2 9.2h-10.4z` })
      : svg("circle", { cx: x, cy: y, r: 4.2 });
    shape.setAttribute("class", `pg-mark pg-of-${label}${of === "validation" ? " pg-hollow" : ""}`);
    return shape;
  }

  /* Where a unit's z = x_1 w_1 + x_2 w_2 + b is zero, as far as the plane goes, or nothing */
  function lineOfUnit(w1, w2, b) {
    const ends = [];
    for (const side of [-LIMIT, LIMIT]) {
      if (w2) ends.push([side, -(b + w1 * side) / w2]);
      if (w1) ends.push([-(b + w2 * side) / w1, side]);
    }
    const inside = ends.filter((end) => end.every((value) => Math.abs(value) <= LIMIT + 1e-9));
    return inside.length > 1 ? [inside[0], inside.at(-1)] : null;
  }

  const scale = linear([-LIMIT, LIMIT], [0, SIZE]);
  const pixel = ([x, y]) => [scale(x), scale(-y)];

  /* The point of the plane at a place in the window */
  function pointAt(picture, clientX, clientY) {
    const inside = new DOMPoint(clientX, clientY).matrixTransform(picture.getScreenCTM().inverse());
    return [LIMIT * ((2 * inside.x) / SIZE - 1), LIMIT * (1 - (2 * inside.y) / SIZE)];
  }

  function ring([cx, cy]) {
    return ["pg-ring-under", "pg-ring"].map((name) => svg("circle", { cx, cy, r: 8, class: name }));
  }

  /* The probabilities as colours, the boundary, the lines of the hidden units, and the points.
   * Around the point that the reader follows is a ring. */
  function plane(network, points, followed, showValidation) {
    const scores = POINTS.map((x) => playground.score(network, x));
    const shares = scores.map((z) => Math.tanh(z / 2)); // 2 p - 1
    const image = svg("image", {
      href: heat(shares, N_PIXELS),
      width: SIZE,
      height: SIZE,
      preserveAspectRatio: "none",
    });
    const fromRaster = (value) => ((value + 0.5) * SIZE) / N_PIXELS;
    const boundary = zeroLines(scores, N_PIXELS).map((ends) =>
      line(ends.map((end) => end.map(fromRaster))),
    );
    const units = network.b1.map((b, j) => {
      const ends = network.W2[j] && lineOfUnit(network.W1[0][j], network.W1[1][j], b);
      return ends ? [svg("path", { d: line(ends.map(pixel)), class: "pg-unit-line" })] : [];
    });
    const marks = (X, y, of) => X.map((x, i) => mark(pixel(x), y[i], of));
    return [
      image,
      ...units.flat(),
      svg("path", { d: boundary.join(""), class: "pg-boundary" }),
      ...(showValidation ? marks(points.X_val, points.y_val, "validation") : []),
      ...marks(points.X, points.y, "training"),
      ...ring(pixel(followed)),
    ];
  }

  /* Lines whose width is the size of the weight; its sign is in the colour and in the dashes */
  function connection([x1, y1], [x2, y2], weight, name) {
    const sign = weight > 0 ? "positive" : weight < 0 ? "negative" : "zero";
    const width = weight ? Math.min(0.8 + 1.1 * Math.abs(weight), 9) : 1;
    return svg(
      "line",
      { x1, y1, x2, y2, class: `pg-weight pg-${sign}`, "stroke-width": width.toFixed(2) },
      svg("title", {}, `${name}: ${weight ? weight.toPrecision(3) : "exactly zero"}`),
    );
  }

  function node([x, y], size, href, name) {
    const box = { x: x - size / 2, y: y - size / 2, width: size, height: size };
    return svg(
      "g",
      {},
      svg("image", { ...box, href, preserveAspectRatio: "none" }),
      svg("rect", { ...box, rx: 3, class: "pg-node" }, svg("title", {}, name)),
    );
  }

  /* What a unit computes over the plane, as a small image */
  function imageOf(value) {
    const values = POINTS_OF_A_UNIT.map(value);
    const most = Math.max(...values.map(Math.abs)) || 1;
    return heat(
      values.map((a) => a / most),
      16,
    );
  }

  /* A number beside a unit */
  function value([x, y], number, anchor = "start") {
    return svg(
      "text",
      { x, y, "text-anchor": anchor, class: "pg-value" },
      playground.short(number),
    );
  }

  /* Inputs, hidden units and output, all weights between them, and the values at one point */
  function diagram(network, followed) {
    const h = network.b1.length;
    const gap = Math.min(64, 240 / h);
    const size = Math.min(34, 0.86 * gap);
    const inputs = [
      [76, 85],
      [76, 165],
    ];
    const hidden = network.b1.map((_, j) => [220, 125 + (j - (h - 1) / 2) * gap]);
    const output = [372, 125];
    const lines = hidden.flatMap((unit, j) => [
      ...inputs.map((input, i) =>
        connection(input, unit, network.W1[i][j], `x${i + 1} to unit ${j + 1}`),
      ),
      connection(unit, output, network.W2[j], `unit ${j + 1} to the output`),
    ]);
    const values = playground.hiddenValues(network, followed);
    return [
      ...lines,
      ...inputs.map((place, i) =>
        node(
          place,
          34,
          imageOf((x) => x[i]),
          `input x${i + 1}`,
        ),
      ),
      ...hidden.map((place, j) =>
        node(
          place,
          size,
          imageOf((x) => playground.hiddenValues(network, x)[j]),
          `unit ${j + 1}`,
        ),
      ),
      node(
        output,
        34,
        imageOf((x) => 2 * playground.probability(network, x) - 1),
        "output p",
      ),
      caption(50, 82, "x₁", "end"),
      caption(50, 162, "x₂", "end"),
      caption(398, 122, "p", "start"),
      ...inputs.map(([, y], i) => value([50, y + 13], followed[i], "end")),
      ...hidden.map(([x, y], j) => value([x + size / 2 + 5, y + 4], values[j])),
      value([398, 138], playground.probability(network, followed)),
    ];
  }

  const CHART = { left: 40, right: 340, top: 14, bottom: 200 }; // of the losses

  function scaleOfLosses(curves, epochs) {
    const most = Math.max(0.8, ...curves.training, ...curves.validation);
    const step = most > 4 ? 2 : most > 2 ? 1 : most > 1 ? 0.5 : 0.2;
    return {
      x: logarithmic([1, epochs.at(-1)], [CHART.left, CHART.right]),
      y: linear([0, most], [CHART.bottom, CHART.top]),
      xTicks: [1, 5, 20, 80, 200].filter((epoch) => epochs.includes(epoch)),
      yTicks: Array.from({ length: Math.floor(most / step + 1e-9) + 1 }, (_, i) => i * step),
    };
  }

  /* The names of the curves beside their ends, and apart where the ends are not */
  function namesAtEnds(curves, y) {
    const ends = Object.values(curves).map((values) => y(values.at(-1)));
    const shift = Math.max(0, 16 - Math.abs(ends[1] - ends[0])) / 2;
    return Object.keys(curves).map((name, i) => {
      const down = ends[i] >= ends[1 - i] + i ? shift : -shift;
      return svg("text", { x: CHART.right + 8, y: ends[i] + 4 + down, class: "pg-name" }, name);
    });
  }

  /* Log loss of training and validation after each number of epochs; bold as far as trained */
  function losses(curves, epochs, now) {
    const { left, right, top, bottom } = CHART;
    const { x, y, xTicks, yTicks } = scaleOfLosses(curves, epochs);
    const format = (value) => String(Number(value.toFixed(1)));
    const here = x(epochs[now]);
    const drawn = Object.entries(curves).flatMap(([name, values]) => {
      const points = values.map((value, i) => [x(epochs[i]), y(value)]);
      return [
        svg("path", { d: line(points), class: `pg-curve pg-${name} pg-ahead` }),
        svg("path", { d: line(points.slice(0, now + 1)), class: `pg-curve pg-${name}` }),
        svg("circle", { cx: here, cy: y(values[now]), r: 4.5, class: `pg-dot pg-${name}` }),
      ];
    });
    return [
      axes({ x, y, xTicks, yTicks, bottom, left, format }),
      svg("line", { x1: here, x2: here, y1: top, y2: bottom, class: "pg-now" }),
      ...drawn,
      ...namesAtEnds(curves, y),
      caption((left + right) / 2, bottom + 34, "epochs"),
    ];
  }

  Object.assign(playground, { pictures: { plane, diagram, losses, pointAt } });
})();
