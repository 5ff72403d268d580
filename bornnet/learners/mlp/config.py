"""The settings of the multilayer perceptron."""

from pydantic import Field

from ...config.kinds import Widths
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
    restarts: int = Field(
        2,
        ge=0,
        description="Further fits of a single member to noisy values, from other starting weights, whose "
        "spread joins its error bars.",
    )
