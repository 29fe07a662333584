/* The controls of the playground: what the reader chooses, and the pictures and words that follow. */
"use strict";

(() => {
  const { pictures, short, network, accuracy, logLoss } = playground;
  const page = document.querySelector(".pg-networks");
  if (!page) return;
  const form = page.querySelector("form");
  const { data } = playground;
  const NAMES = ["problem", "hidden", "activation", "rate", "penalty"];
  const SECONDS_PER_STOP = 0.45;
  const part = (name) => page.querySelector(`[data-part="${name}"]`);

  function chosen() {
    const text = (name) => form.elements[name].value;
    const choice = Object.fromEntries(NAMES.map((name) => [name, text(name)]));
    for (const name of ["hidden", "rate", "penalty"]) choice[name] = Number(choice[name]);
    return {
      choice,
      epoch: Number(text("epoch")),
      followed: [Number(text("x1")), Number(text("x2"))],
    };
  }

  function plural(number, name) {
    return `${number} ${name}${number === 1 ? "" : "s"}`;
  }

  /* What the pictures show, in numbers that words and pictures share */
  function measured(choice, epoch) {
    const points = data.points[choice.problem];
    const stops = data.epochs.map((_, stop) => network(choice, stop));
    const curves = {
      training: stops.map((stop) => logLoss(stop, points.X, points.y)),
      validation: stops.map((stop) => logLoss(stop, points.X_val, points.y_val)),
    };
    const now = stops[epoch];
    const weights = [...now.W1.flat(), ...now.W2];
    return {
      points,
      curves,
      now,
      right: accuracy(now, points.X_val, points.y_val),
      zeros: weights.filter((weight) => weight === 0).length,
      nWeights: weights.length,
    };
  }

  function draw({ now, points, curves }, epoch, followed) {
    const showValidation = form.elements.validation.checked;
    part("plane").replaceChildren(...pictures.plane(now, points, followed, showValidation));
    part("weights").replaceChildren(...pictures.diagram(now, followed));
    part("losses").replaceChildren(...pictures.losses(curves, data.epochs, epoch));
  }

  function words({ right, zeros, nWeights, curves }, choice, epoch) {
    const [training, validation] = [curves.training, curves.validation].map((curve) =>
      curve[epoch].toFixed(2),
    );
    return {
      epochs: plural(data.epochs[epoch], "epoch"),
      units: plural(choice.hidden, "hidden unit"),
      percent: `${Math.round(100 * right)} %`,
      zeros: `${zeros} of ${nWeights} weights ${zeros === 1 ? "is" : "are"} exactly zero.`,
      losses: `${training} in training, ${validation} in validation.`,
    };
  }

  function say({ epochs, percent, zeros, losses }, epoch) {
    part("outcome").textContent =
      `After ${epochs}, ${percent} of the validation points are right. ${zeros}`;
    part("losses-now").textContent = losses;
    part("epoch").textContent = data.epochs[epoch];
    form.elements.epoch.setAttribute("aria-valuetext", epochs);
  }

  /* The pictures for those who do not see them */
  function describe({ epochs, units, percent, zeros, losses }, { activation, problem }) {
    const texts = {
      plane:
        `The plane of the two features. A network of ${units} with ${activation} ` +
        `finds ${percent} of the validation points of the ${problem}.`,
      weights: `Two inputs, ${units} and the output. ${zeros}`,
      losses: `Log loss over the epochs. After ${epochs}: ${losses}`,
    };
    for (const [name, text] of Object.entries(texts)) part(name).setAttribute("aria-label", text);
  }

  /* The forward pass of the point that the reader follows, in numbers */
  function follow(now, followed) {
    const a = playground.hiddenValues(now, followed).map(short);
    const z = playground.score(now, followed);
    const p = short(playground.probability(now, followed));
    for (const [i, name] of ["x1", "x2"].entries()) {
      part(name).textContent = short(followed[i]);
      form.elements[name].setAttribute("aria-valuetext", `${short(followed[i])}, p is ${p}`);
    }
    const last = `z = ${short(z)}, p = ${p}`.replaceAll(" = ", "\u00a0=\u00a0"); // on one line
    part("pass").textContent =
      `x = (${followed.map(short).join(", ")}), a = (${a.join(", ")}), ${last}`;
  }

  /* The call of the package that trains the network on the page */
  function write(choice, epoch) {
    const n = data.epochs[epoch];
    part("code").textContent = page.dataset.code
      .replace("{hidden}", choice.hidden)
      .replace("{activation}", choice.activation)
      .replace("{rate}", choice.rate)
      .replace("{penalty}", choice.penalty)
      .replaceAll("{epochs}", n);
  }

  function update() {
    const { choice, epoch, followed } = chosen();
    const found = measured(choice, epoch);
    draw(found, epoch, followed);
    const said = words(found, choice, epoch);
    say(said, epoch);
    describe(said, choice);
    follow(found.now, followed);
    write(choice, epoch);
  }

  /* Training as a film: a stop of the slider after the other */
  const play = part("play");
  let film = null;

  function stop() {
    clearInterval(film);
    film = null;
    play.textContent = "▶ Train";
    part("outcome").setAttribute("aria-live", "polite");
  }

  function start() {
    const slider = form.elements.epoch;
    slider.value = 0;
    part("outcome").setAttribute("aria-live", "off"); // a sentence at the end, not at each stop
    play.textContent = "■ Stop";
    film = setInterval(() => {
      slider.value = Number(slider.value) + 1;
      if (slider.value === slider.max) stop();
      update();
    }, 1000 * SECONDS_PER_STOP);
    update();
  }

  function tryOut(button) {
    stop();
    const wanted = { ...JSON.parse(button.dataset.choice), epoch: form.elements.epoch.max };
    for (const [name, value] of Object.entries(wanted)) form.elements[name].value = value;
    part("hint").textContent = button.dataset.hint;
    update();
  }

  function followPointer(event) {
    const [x1, x2] = pictures.pointAt(part("plane"), event.clientX, event.clientY);
    form.elements.x1.value = x1;
    form.elements.x2.value = x2;
    update();
  }

  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", () => {
    if (film) stop();
    part("hint").textContent = "";
    update();
  });
  part("plane").addEventListener("click", followPointer);
  play.addEventListener("click", () => (film ? stop() : start()));
  for (const button of page.querySelectorAll("[data-choice]")) {
    button.addEventListener("click", () => tryOut(button));
  }
  new MutationObserver(update).observe(document.documentElement, {
    attributeFilter: ["data-theme"],
  });
  document.querySelector(".pg-static-networks").hidden = true;
  page.hidden = false;
  update();
})();
