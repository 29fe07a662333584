"""Steps of the solvers, as in `sknn_scratch.engine.solvers`, with penalties and weight decay.

p is a part of the parameters, and g the gradient of the loss. `ridge` p is the gradient of the
smooth penalty, `shrink` the factor of weight decay, `l1` the strength of the penalty that is not
smooth.
"""

import math

from sknn_scratch.engine.kernels.compiler import compiled, exactly, inlined
from sknn_scratch.engine.kernels.layers import matrix
from sknn_scratch.engine.kernels.penalties import (
    bound_columns,
    elastic_net,
    group_lasso,
    shrink_rows,
    soft_threshold,
)
from sknn_scratch.engine.kernels.records import ADAM, NAG, SGD


@compiled
def _descend(p, g, rate, ridge, shrink, l1):
    """``p <- prox(p - rate grad)``; g keeps the point from which the step went."""
    for i in range(p.size):
        before = shrink * p[i]
        p[i] = soft_threshold(before - rate * (g[i] + ridge * p[i]), rate * l1)
        g[i] = before


@compiled
def _look_ahead(s, p, q, before):
    """``q <- q + (t_k - 1) / t_{k+1} (q - p)`` after p, the last q, has become this one.

    `before` are the points from which the steps to q went.
    """
    of_type = p.dtype.type
    t_next = (1 + math.sqrt(1 + 4 * s.t * s.t)) / 2
    momentum = of_type((s.t - 1) / t_next)
    if s.restart:
        uphill = of_type(0)
        for i in range(p.size):
            uphill += (before[i] - q[i]) * (q[i] - p[i])
        if uphill > 0:
            t_next, momentum = 1.0, of_type(0)
    for i in range(p.size):
        change = q[i] - p[i]
        p[i] = q[i]
        q[i] += momentum * change
    s.t = t_next


@compiled
def _sgd(p, g, momentum_v, rate, ridge, shrink, l1, momentum, nesterov):
    """``v <- momentum v - rate grad;  p <- p + v``, or ``p + momentum v - rate grad``."""
    one = p.dtype.type(1)
    factor = one + momentum if nesterov else one
    for i in range(p.size):
        change = -rate * (g[i] + ridge * p[i])
        v = momentum_v[i] + change
        w = shrink * p[i] + (change + momentum * v if nesterov else v)
        p[i] = soft_threshold(w, factor * rate * l1)
        momentum_v[i] = momentum * (v + (p[i] - w) / factor)


@exactly  # where v has overflowed, factor m / sqrt(v) is zero as in numpy, in this order only
def _adam(p, g, m, v, factor, ridge, shrink, l1, beta_1, beta_2, epsilon):
    """``m <- beta_1 m + grad;  v <- beta_2 v + grad^2;  p <- p - factor m / (sqrt(v) + epsilon)``.

    The proximal operator has a rate of its own for each coordinate.
    """
    one = p.dtype.type(1)
    threshold = l1 * factor / (one - beta_1)
    for i in range(p.size):
        grad = g[i] + ridge * p[i]
        m[i] = beta_1 * m[i] + grad
        v[i] = beta_2 * v[i] + grad * grad
        inverse = one / (p.dtype.type(math.sqrt(v[i])) + epsilon)
        p[i] = soft_threshold(shrink * p[i] - factor * (inverse * m[i]), threshold * inverse)


@inlined
def _correct(s):
    """Count a step of Adam; return the factor of the rate by which its moments are corrected."""
    s.t += 1
    correction = math.sqrt(1 - s.beta_2**s.t) / (1 - s.beta_1**s.t)
    return correction * (1 - s.beta_1) / math.sqrt(1 - s.beta_2)


@inlined
def _step_of_part(s, part, rate, correction, epsilon, total, p, g, m, v):
    of_type = p.dtype.type  # with numbers of double precision, float32 would be converted to it
    l1, ridge = of_type(part.l1), of_type(2 * part.l2 + part.alpha / total)
    shrink = of_type(1 - rate * part.weight_decay)
    if s.solver == ADAM:
        factor, beta_1, beta_2 = of_type(rate * correction), of_type(s.beta_1), of_type(s.beta_2)
        _adam(p, g, m, v, factor, ridge, shrink, l1, beta_1, beta_2, of_type(epsilon))
    elif s.solver == SGD:
        momentum, nesterov = of_type(s.momentum), s.nesterovs_momentum
        _sgd(p, g, v, of_type(rate), ridge, shrink, l1, momentum, nesterov)
    else:
        _descend(p, g, of_type(rate), ridge, shrink, l1)


@inlined
def _bind(s, rate, epsilon, layers, params, before, v, rates):
    """Do the proximal operators of the penalties that bind weights together, where there are any.

    `rates` is overwritten with the rate of each coordinate, which adam has, and for sgd `before`.
    """
    factor = 1 + s.momentum if s.solver == SGD and s.nesterovs_momentum else 1.0
    rates[:] = factor * rate
    if s.solver == ADAM:
        for i in range(rates.size):
            rates[i] = rate / (1 - s.beta_1) / (math.sqrt(v[i]) + epsilon)
    elif s.solver == SGD:
        for i in range(before.size):
            before[i] = params[i]
    for number in range(len(layers)):
        layer = layers[number]
        W = matrix(params, layer.W, layer.n_in, layer.n_out)
        of_W = matrix(rates, layer.W, layer.n_in, layer.n_out)
        if s.group_l1 and number == 0:
            shrink_rows(W, of_W, s.group_l1)
        if s.max_norm:
            bound_columns(W, of_W, s.max_norm)
    if s.solver == SGD:  # what they move enters the velocity
        for i in range(v.size):
            v[i] += s.momentum / factor * (params[i] - before[i])


@inlined
def step(s, rate, total, layers, parts, params, at, grad, m, v, scratch):
    """Do a step from the gradient of the loss at `at`, and return the penalty there.

    m and v are the vectors of the solver's state; `grad` and `scratch` are overwritten.
    """
    penalty, correction = 0.0, _correct(s) if s.solver == ADAM else 1.0
    epsilon = s.epsilon / math.sqrt(1 - s.beta_2)
    if s.group_l1:
        layer = layers[0]
        penalty += group_lasso(s.group_l1, matrix(at, layer.W, layer.n_in, layer.n_out))
    for number in range(len(parts)):
        part = parts[number]
        start, stop = part.start, part.stop
        p = at[start:stop]
        if part.l1 or part.l2 or part.alpha:
            penalty += elastic_net(part, total, p)
        g, m_part, v_part = grad[start:stop], m[start:stop], v[start:stop]
        _step_of_part(s, part, rate, correction, epsilon, total, p, g, m_part, v_part)
    if s.group_l1 or s.max_norm:
        _bind(s, rate * correction, epsilon, layers, at, grad, v, scratch)
    if s.solver == NAG:
        _look_ahead(s, params, at, grad)
    return penalty
