"""The multilayer perceptron as a learner."""
