/* What the L1 penalty does to one weight: its soft threshold, and its path from update to update. */
"use strict";

(() => {
  const START = -1.5;
  const N_UPDATES = 30;
  const { svg, short, line, linear, axes } = playground;

  /* argmin_u (u - w)^2 / (2 s) + l1 |u|, where the threshold is s * l1 */
  function softThreshold(w, threshold) {
    return Math.sign(w) * Math.max(Math.abs(w) - threshold, 0) + 0; // + 0: no negative zero
  }

  /* The loss is (w - best)^2 / 2, whose slope is w - best. Each update goes down that slope and
   * then through the threshold. */
  function proximalPath({ best, penalty, rate }) {
    const path = [{ after: START }];
    for (let k = 0; k < N_UPDATES; k++) {
      const w = path[k].after;
      const before = w - rate * (w - best);
      path.push({ before, after: softThreshold(before, rate * penalty) });
    }
    return path;
  }

  /* The slope of the penalty instead: it has two signs and nothing between them */
  function subgradientPath({ best, penalty, rate }) {
    const path = [START];
    for (let k = 0; k < N_UPDATES; k++) {
      const w = path[k];
      path.push(w - rate * (w - best + penalty * Math.sign(w)));
    }
    return path;
  }

  /* The weight before and after the threshold, and where the updates of the path were on it */
  function threshold({ penalty, rate }, path) {
    const [left, right, top, bottom] = [40, 390, 10, 290];
    const ticks = [-1.5, -1, -0.5, 0, 0.5, 1, 1.5];
    const x = linear([-1.5, 1.5], [left, right]);
    const y = linear([-1.5, 1.5], [bottom, top]);
    const t = rate * penalty;
    const corners = [-1.5, -Math.min(t, 1.5), Math.min(t, 1.5), 1.5];
    const curve = corners.map((w) => [x(w), y(softThreshold(w, t))]);
    const dots = path.slice(1).map(({ before, after }) =>
      svg("circle", { cx: x(before), cy: y(after), r: 4, class: "pg-update" }),
    );
    const label = (at, words, anchor = "middle") =>
      svg("text", { x: at[0], y: at[1], "text-anchor": anchor, class: "pg-label" }, words);
    return [
      axes({ x, y, xTicks: ticks, yTicks: ticks, bottom, left }),
      svg("path", { d: line([[x(-1.5), y(-1.5)], [x(1.5), y(1.5)]]), class: "pg-identity" }),
      svg("path", { d: line(curve), class: "pg-curve pg-training" }),
      svg("path", { d: line(curve.slice(1, 3)), class: "pg-flat" }),
      ...dots,
      label([(left + right) / 2, bottom + 34], "weight before the threshold"),
      label([left + 6, top + 12], "after", "start"),
    ];
  }

  /* Both paths over the updates */
  function paths(proximal, subgradient, { best }) {
    const [left, right, top, bottom] = [40, 390, 10, 290];
    const x = linear([0, N_UPDATES], [left, right]);
    const y = linear([-1.6, 1.6], [bottom, top]);
    const points = (values) => values.map((value, k) => [x(k), y(value)]);
    const main = points(proximal.map(({ after }) => after));
    return [
      axes({ x, y, xTicks: [0, 10, 20, 30], yTicks: [-1.5, -1, -0.5, 0, 0.5, 1, 1.5], bottom, left }),
      svg("line", { x1: left, x2: right, y1: y(best), y2: y(best), class: "pg-best" }),
      svg("path", { d: line(points(subgradient)), class: "pg-curve pg-validation" }),
      svg("path", { d: line(main), class: "pg-curve pg-training" }),
      ...main.map(([cx, cy], k) =>
        svg("circle", { cx, cy, r: 4, class: proximal[k].after ? "pg-update" : "pg-update pg-at-zero" }),
      ),
      svg("text", { x: (left + right) / 2, y: bottom + 34, "text-anchor": "middle", class: "pg-label" }, "updates"),
    ];
  }

  function inWords({ best, penalty, rate }, path) {
    const first = path.findIndex(({ after }) => after === 0);
    const pull = Math.abs(best);
    const end =
      pull > penalty
        ? `which is stronger: the weight goes to ${short(softThreshold(best, penalty))}.`
        : first < 0
          ? "which is no stronger: the weight goes to zero, but takes more updates than these."
          : `which is no stronger: from update ${first} on the weight is exactly zero.`;
    return (
      `Each update moves the weight by η λ₁ = ${short(rate * penalty)} towards zero, and no further. ` +
      `At zero, the penalty holds it with ${penalty.toFixed(1)}. The loss pulls with ${pull.toFixed(1)}, ${end}`
    );
  }

  function connect(page) {
    const form = page.querySelector("form");
    const part = (name) => page.querySelector(`[data-part="${name}"]`);

    function update() {
      const names = ["best", "penalty", "rate"];
      const choice = Object.fromEntries(names.map((name) => [name, Number(form.elements[name].value)]));
      for (const name of names) part(name).textContent = choice[name].toFixed(name === "rate" ? 2 : 1);
      const path = proximalPath(choice);
      part("threshold").replaceChildren(...threshold(choice, path));
      part("paths").replaceChildren(...paths(path, subgradientPath(choice), choice));
      const words = inWords(choice, path);
      part("outcome").textContent = words;
      part("paths").setAttribute("aria-label", `The weight over ${N_UPDATES} updates. ${words}`);
    }

    form.addEventListener("input", update);
    document.querySelector(".pg-static-prox").hidden = true;
    page.hidden = false;
    update();
  }

  Object.assign(playground, { softThreshold });
  const page = document.querySelector(".pg-prox");
  if (page) connect(page);
})();
