"""The perceptron and the engine of its derivatives: activations to any order, jets along directions, tensors
of all partial derivatives, packed. It knows no physics. May import: compute.
"""
