"""Networks and their training: arrays only, numpy and scipy, no estimator."""
