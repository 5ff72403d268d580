"""A Gaussian process as a learner: the posterior mean of kernels with a power series.

``begin(problem, task, config)`` in `fit`, the learner in `learner`, the settings in `config`.
"""
