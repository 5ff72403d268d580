"""The iterative perturbation theory: what each round fits and with what weight, what is removed, and the
learned series that comes out, in memory (`fit.fit_series`). It joins learners and physics. May import:
learners, datasets, physics, training, and below.
"""
