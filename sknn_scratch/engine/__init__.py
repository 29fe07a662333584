"""Networks and their training: arrays only, numpy and scipy, no estimator.

To read it from the top: `training` has the loop over epochs, `objective` the function that it
minimises, `network` the passes forward and backward, `parameters` the vector that all share. Each
entry of the registries in `activations`, `losses`, `penalties`, `solvers`, `schedules` and
`initializers` is one class or function. `compiled` runs the same epochs through `kernels`.
"""
