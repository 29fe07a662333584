/* What the pictures are made of: elements of SVG, axes, rasters of colours, lines of equal value. */
"use strict";

(() => {
  /* An element of SVG. A child is an element or a text; classes give the colours, see the CSS. */
  function svg(name, attributes = {}, ...children) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  }

  function caption(x, y, text, anchor = "middle") {
    return svg("text", { x, y, "text-anchor": anchor, class: "pg-label" }, text);
  }

  /* A number with two decimals, and with a minus sign as wide as a plus */
  function short(number) {
    return (Math.abs(number) < 1000 ? number.toFixed(2) : number.toExponential(1)).replace(
      "-",
      "−",
    );
  }

  /* The d of a path through points, each an array of x and y */
  function line(points) {
    return points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
  }

  /* Functions from values to pixels */
  function linear([from, to], [left, right]) {
    return (value) => left + ((value - from) / (to - from)) * (right - left);
  }

  function logarithmic([from, to], pixels) {
    const scale = linear([Math.log(from), Math.log(to)], pixels);
    return (value) => scale(Math.log(value));
  }

  /* Ticks with labels along the bottom and the left of a chart. `format` makes the labels. */
  function axes({ x, y, xTicks, yTicks, bottom, left, format = String }) {
    const texts = [
      ...xTicks.map((t) =>
        svg("text", { x: x(t), y: bottom + 16, "text-anchor": "middle" }, format(t)),
      ),
      ...yTicks.map((t) =>
        svg("text", { x: left - 6, y: y(t) + 4, "text-anchor": "end" }, format(t)),
      ),
    ];
    const rules = yTicks.map((t) =>
      svg("line", { x1: left, x2: x(xTicks.at(-1)), y1: y(t), y2: y(t), class: "pg-rule" }),
    );
    return svg("g", { class: "pg-axes" }, ...rules, ...texts);
  }

  /* A colour of the style sheet as three numbers; the theme may have changed since last time */
  function colour(name) {
    const hex = getComputedStyle(document.querySelector(".pg")).getPropertyValue(name).trim();
    return [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
  }

  /* An image of n x n values from -1 to 1: one colour below zero, another above, paler near it */
  function heat(values, n) {
    const [below, ground, above] = ["--pg-class-0", "--pg-ground", "--pg-class-1"].map(colour);
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = n;
    const image = new ImageData(n, n);
    values.forEach((value, i) => {
      const full = value < 0 ? below : above;
      const share = 0.5 * Math.min(Math.abs(value), 1);
      ground.forEach((g, c) => (image.data[4 * i + c] = g + share * (full[c] - g)));
      image.data[4 * i + 3] = 255;
    });
    canvas.getContext("2d").putImageData(image, 0, 0);
    return canvas.toDataURL();
  }

  /* Where values on an n x n raster cross zero: a short line for each square that they cross in.
   * Returned are pairs of points in the raster's own coordinates. */
  function zeroLines(values, n) {
    const lines = [];
    for (let row = 0; row + 1 < n; row++) {
      for (let column = 0; column + 1 < n; column++) {
        const corners = [
          [0, 0],
          [1, 0],
          [1, 1],
          [0, 1],
        ].map(([dx, dy]) => [column + dx, row + dy]);
        const found = [];
        corners.forEach(([x, y], i) => {
          const [x2, y2] = corners[(i + 1) % 4];
          const [a, b] = [values[y * n + x], values[y2 * n + x2]];
          if (a < 0 === b < 0) return;
          const share = a / (a - b);
          found.push([x + share * (x2 - x), y + share * (y2 - y)]);
        });
        for (let i = 0; i + 1 < found.length; i += 2) lines.push([found[i], found[i + 1]]);
      }
    }
    return lines;
  }

  Object.assign(playground, {
    svg,
    caption,
    short,
    line,
    linear,
    logarithmic,
    axes,
    heat,
    zeroLines,
  });
})();
