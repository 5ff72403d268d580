"""Any torch module as a learner, from Python alone: ``fit_series(potentials, values, learner=module)``.

Its derivatives are those of torch.func, slow beside the perceptron's own engine, and general.
"""
