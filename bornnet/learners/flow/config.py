"""The settings of a flow. Importing them costs neither torch nor numba."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from ...config.kinds import Count, Counts, Widths
from ...config.names import Activation
from ...training.settings import Stepwise

Drive = Literal["linear", "general"]
Readout = Literal["first", "linear"]
StateKind = Literal["value", "angle", "inverse"]
Integrator = Literal["euler", "midpoint", "rk4", "dopri5", "dop853"]


Bend = Literal["error", 2, 3, 4]
"""What a penalty on hard paths takes: a solver's error, or the K-th derivative of the states along r."""


def _ease(value: Any) -> Any:
    """`["error", 1e-3]` or `"error,1e-3"`, `[2, 1e-3]` or `"2,1e-3"` as a pair."""
    if isinstance(value, str):
        bend, _, weight = value.partition(",")
        try:
            return bend if bend == "error" else int(bend), float(weight)
        except ValueError:
            return value
    return tuple(value) if isinstance(value, list) else value


Ease = Annotated[tuple[Bend, Annotated[float, Field(ge=0)]], BeforeValidator(_ease)]


class Config(Stepwise):
    """A flow, and how it is fitted."""

    iteration: ClassVar[Mapping[str, Any]] = {"rounds": 1, "strength_floors": (0.0,)}

    hidden: Widths = Field((12, 12), description="Widths of the hidden layers of G, in ds/dr = U G(s, r).")
    activation: Activation = Field("tanh", description="Of every hidden layer of G.")
    components: Count = Field(1, description="States that a flow carries along r.")
    drive: Drive = Field("linear", description="How the potential drives the states: linear, or general.")
    readout: Readout = Field("first", description="Output: the first component, or linear in all of them.")
    state: StateKind = Field(
        "value",
        description="What is carried: the output, an angle whose tangent it is, or one from pi/2 on whose "
        "cotangent it is, as 1/a0 is; angles go through where a bound state appears.",
    )
    integrator: Integrator = Field("dop853", description="Runge-Kutta method of the steps along r.")
    substeps: Count | None = Field(
        None,
        description="Steps a cell; by default 1, of dopri5 and dop853 more where their error shows.",
        json_schema_extra={"metavar": "N"},
    )
    fit_rows: Count | None = Field(
        None,
        ge=2,
        description="Potentials that a fit takes at most, drawn at random; by default all.",
        json_schema_extra={"metavar": "N"},
    )
    starts: Count = Field(4, description="Flows drawn at random and tried; the best is fitted.")
    ease: Ease | None = Field(
        None,
        description="Penalty on steps' error, or on the K-th derivative of states along r, K = 2 to 4; "
        "its weight at most.",
        json_schema_extra={"metavar": "error|K,WEIGHT"},
    )
    steps: Counts = Field(
        (300, 60, 60),
        description="Optimizer steps of round 1, 2, ..; the last value is used for later rounds.",
        json_schema_extra={"metavar": "N,N,.."},
    )
