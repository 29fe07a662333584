/* The networks of the playground: weights that the package trained, and the forward pass. */
"use strict";

const playground = {};

(() => {
  const logistic = (z) => 1 / (1 + Math.exp(-z));
  const ACTIVATIONS = {
    identity: (z) => z,
    tanh: Math.tanh,
    relu: (z) => Math.max(z, 0),
    logistic,
  };

  /* A_1 = f(X W_1 + b_1): the values of the hidden units for one point x */
  function hiddenValues(network, x) {
    const f = ACTIVATIONS[network.activation];
    return network.b1.map((b, j) => f(x[0] * network.W1[0][j] + x[1] * network.W1[1][j] + b));
  }

  /* z = A_1 W_2 + b_2: the raw score */
  function score(network, x) {
    return hiddenValues(network, x).reduce((z, a, j) => z + a * network.W2[j], network.b2);
  }

  /* p = 1 / (1 + e^-z): the probability of class 1 */
  function probability(network, x) {
    return logistic(score(network, x));
  }

  /* log(1 + e^z) - y z, the mean over points; written so that no exponential overflows */
  function logLoss(network, X, y) {
    const losses = X.map((x, i) => {
      const z = score(network, x);
      return Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z))) - y[i] * z;
    });
    return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
  }

  function accuracy(network, X, y) {
    return X.filter((x, i) => score(network, x) > 0 === (y[i] === 1)).length / X.length;
  }

  /* A number in half precision from its 16 bits: sign, 5 of the exponent, 10 of the fraction */
  function fromHalf(bits) {
    const sign = bits >> 15 ? -1 : 1;
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    return sign * (exponent ? (1024 + fraction) * 2 ** (exponent - 25) : fraction * 2 ** -24);
  }

  /* The weights in base64, and the place in them of a choice: see train() in grid.py */
  const arrays = {};

  function parameters(choice, epoch) {
    const { grid, epochs, weights } = playground.data;
    const { hidden } = choice;
    arrays[hidden] ??= atob(weights[hidden]);
    const place = Object.keys(grid)
      .filter((name) => name !== "hidden")
      .reduce((row, name) => row * grid[name].length + grid[name].indexOf(choice[name]), 0);
    const n = 4 * hidden + 1;
    const start = (place * epochs.length + epoch) * n;
    return Array.from({ length: n }, (_, i) => {
      const at = 2 * (start + i);
      return fromHalf(arrays[hidden].charCodeAt(at) | (arrays[hidden].charCodeAt(at + 1) << 8));
    });
  }

  /* The network of a choice, as it was at the epoch with this number in the list of epochs */
  function network(choice, epoch) {
    const h = choice.hidden;
    const p = parameters(choice, epoch);
    return {
      activation: choice.activation,
      W1: [p.slice(0, h), p.slice(h, 2 * h)],
      W2: p.slice(2 * h, 3 * h),
      b1: p.slice(3 * h, 4 * h),
      b2: p[4 * h],
    };
  }

  Object.assign(playground, { network, hiddenValues, score, probability, logLoss, accuracy });
})();
