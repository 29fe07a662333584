"""One epoch in compiled loops, to be read beside the equations.

What numpy does in `network`, `losses`, `penalties` and `solvers` with a call for each operation,
the files of the same names here do with one pass over each array. Matrix products are BLAS's.

Notation: layer l has the weights W_l (n_in, n_out) and the biases b_l. a_0 = X;
z_l = a_{l-1} W_l + b_l; a_l = f_l(z_l) for the hidden layers. The last z are the raw scores.
delta_l is dF / dz_l. All weights and biases lie in one vector, as in `parameters`, and the values
of the layers in another; `records` say where each begins.

Nothing but `records` can be imported without numba: `compiled` imports the rest when it is asked
for.
"""
