/* What the L1 penalty does to one weight: its soft threshold, and its path from update to update. */
"use strict";

(() => {
  const START = -1.5;
  const N_UPDATES = 30;
  const { svg, caption, short, line, linear, axes } = playground;
  const CHART = { left: 40, right: 390, top: 10, bottom: 290 };
  CHART.ticks = [-1.5, -1, -0.5, 0, 0.5, 1, 1.5];

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
    const { left, right, top, bottom, ticks } = CHART;
    const x = linear([-1.5, 1.5], [left, right]);
    const y = linear([-1.5, 1.5], [bottom, top]);
    const at = (before, after) => [x(before), y(after)];
    const edge = Math.min(rate * penalty, 1.5); // of the flat part
    const curve = [-1.5, -edge, edge, 1.5].map((w) => at(w, softThreshold(w, rate * penalty)));
    return [
      axes({ x, y, xTicks: ticks, yTicks: ticks, bottom, left }),
      svg("path", { d: line([at(-1.5, -1.5), at(1.5, 1.5)]), class: "pg-identity" }),
      svg("path", { d: line(curve), class: "pg-curve pg-training" }),
      svg("path", { d: line(curve.slice(1, 3)), class: "pg-flat" }),
      ...path.slice(1).map(({ before, after }) => update(at(before, after), after)),
      caption((left + right) / 2, bottom + 34, "weight before the threshold"),
      caption(left + 6, top + 12, "after", "start"),
    ];
  }

  function update([cx, cy], after) {
    return svg("circle", { cx, cy, r: 4, class: after ? "pg-update" : "pg-update pg-at-zero" });
  }

  /* Both paths over the updates */
  function paths(proximal, subgradient, { best }) {
    const { left, right, top, bottom, ticks } = CHART;
    const x = linear([0, N_UPDATES], [left, right]);
    const y = linear([-1.6, 1.6], [bottom, top]);
    const points = (values) => values.map((value, k) => [x(k), y(value)]);
    const main = points(proximal.map(({ after }) => after));
    return [
      axes({ x, y, xTicks: [0, 10, 20, 30], yTicks: ticks, bottom, left }),
      svg("line", { x1: left, x2: right, y1: y(best), y2: y(best), class: "pg-best" }),
      svg("path", { d: line(points(subgradient)), class: "pg-curve pg-validation" }),
      svg("path", { d: line(main), class: "pg-curve pg-training" }),
      ...main.map((point, k) => update(point, proximal[k].after)),
      caption((left + right) / 2, bottom + 34, "updates"),
    ];
  }

  function inWords({ best, penalty, rate }, path) {
    const first = path.findIndex(({ after }) => after === 0);
    const pull = Math.abs(best);
    const end =
      pull > penalty
        ? `the weight goes to ${short(softThreshold(best, penalty))}.`
        : first < 0
          ? "the weight goes to zero, but takes more updates than these."
          : `from update ${first} on, the weight is exactly zero.`;
    return (
      `The threshold moves the weight by η λ₁ = ${short(rate * penalty)} in each update, and stops ` +
      `at zero. There, the penalty holds with ${penalty.toFixed(1)} and the loss pulls with ` +
      `${pull.toFixed(1)}: ${end}`
    );
  }

  function connect(page) {
    const form = page.querySelector("form");
    const part = (name) => page.querySelector(`[data-part="${name}"]`);
    const DIGITS = { best: 1, penalty: 1, rate: 2 };

    function show() {
      const choice = {};
      for (const [name, digits] of Object.entries(DIGITS)) {
        choice[name] = Number(form.elements[name].value);
        part(name).textContent = choice[name].toFixed(digits);
      }
      const path = proximalPath(choice);
      const words = inWords(choice, path);
      part("threshold").replaceChildren(...threshold(choice, path));
      part("paths").replaceChildren(...paths(path, subgradientPath(choice), choice));
      part("paths").setAttribute("aria-label", `The weight over ${N_UPDATES} updates. ${words}`);
      part("outcome").textContent = words;
    }

    form.addEventListener("input", show);
    form.addEventListener("submit", (event) => event.preventDefault());
    document.querySelector(".pg-static-prox").hidden = true;
    page.hidden = false;
    show();
  }

  Object.assign(playground, { softThreshold });
  const page = document.querySelector(".pg-prox");
  if (page) connect(page);
})();
