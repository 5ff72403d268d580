"""The settings of the multilayer perceptron."""

from pydantic import Field

from ...config.kinds import Activations, Widths
from ...config.names import Activation, Precision
from ...training.settings import Stepwise


class Config(Stepwise):
    """The multilayer perceptron, and how it is fitted."""

    hidden: Widths = Field(
        (32, 32),
        description="Widths of the hidden layers, such as 64,64.",
        json_schema_extra={"metavar": "W,W,.."},
    )
    activation: Activation = Field("tanh", description="Of every hidden layer.")
    precision: Precision = Field(
        "double", description="Of the numbers in training: double, or single (quick and rough)."
    )
    others: Activations = Field(
        ("gelu", "softplus"),
        description="Activations of further networks that are fitted to noisy values with more noise; how "
        "far apart all end joins the error bars of a single member.",
        json_schema_extra={"metavar": "NAME,NAME,.."},
    )
