"""Weighted least squares by steps: the problem, residuals and their Jacobian, one optimizer a file, and the
loop that can be stopped and resumed anywhere. It knows of a model what `model.Residual` says. May import:
compute, config.
"""
