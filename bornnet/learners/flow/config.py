"""The settings of a flow. Importing them costs neither torch nor numba."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from ...config.names import Activation, Optimizer
from ...config.schema import Count, Counts, Widths

Drive = Literal["linear", "general"]
Readout = Literal["first", "linear"]
StateKind = Literal["value", "angle", "inverse"]
Integrator = Literal["euler", "midpoint", "rk4", "dopri5", "dop853"]


def _ease(value: Any) -> Any:
    """`[2, 1e-3]` as a pair."""
    return tuple(value) if isinstance(value, list) else value


Ease = Annotated[
    tuple[Annotated[int, Field(ge=2, le=4)], Annotated[float, Field(ge=0)]], BeforeValidator(_ease)
]


class Config(BaseModel):
    """A flow, and how it is fitted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    hidden: Widths = Field((12, 12), description="widths of the hidden layers of G, in ds/dr = U G(s, r)")
    activation: Activation = Field("tanh", description="of every hidden layer of G")
    components: Count = Field(1, description="states that a flow carries along r")
    drive: Drive = Field("linear", description="how the potential drives the states: linear, or general")
    readout: Readout = Field("first", description="output: the first component, or linear in all of them")
    state: StateKind = Field(
        "value",
        description="what is carried: the output, an angle whose tangent it is, or whose cotangent it is",
    )
    integrator: Integrator = Field("dop853", description="Runge-Kutta method of the steps along r")
    substeps: Count = Field(1, description="steps a cell")
    ease: Ease | None = Field(
        None, description="K WEIGHT: a penalty on the K-th derivative of the states along r, K = 2 to 4"
    )
    optimizer: Optimizer = Field("levenberg-marquardt", description="what moves the weights")
    steps: Counts = Field((80, 30, 30), description="optimizer steps of round 1, 2, ..; the last holds on")
    patience: Count = Field(20, description="steps without a lower typical held-out error that end a round")
    learning_rate: float = Field(1e-3, gt=0, description="of Adam")
    batch: Count = Field(256, description="samples in a mini-batch of Adam")
