"""Settings of a Gaussian process."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from ...config.schema import Count, LearnerConfig


def _floats(value: Any) -> Any:
    """`"1,2.5"`, a number or a list as a tuple."""
    if isinstance(value, str):
        try:
            return tuple(float(part) for part in value.split(","))
        except ValueError:
            return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return (float(value),)
    return tuple(float(part) for part in value) if isinstance(value, list) else value


Factors = Annotated[
    tuple[Annotated[float, Field(gt=0)], ...], BeforeValidator(_floats), Field(min_length=1, max_length=50)
]


class Config(LearnerConfig):
    """How a Gaussian process is fitted."""

    iteration: ClassVar[Mapping[str, Any]] = {"rounds": 1, "strength_floors": (0.0,)}

    kernel: Literal["exponential", "ball", "nngp-erf", "nngp-sin", "ntk-erf", "ntk-sin"] = Field(
        default="exponential", description="Covariance of the process."
    )
    depth: Count = Field(default=1, description="Hidden layers of the infinite network (nngp, ntk).")
    weight_variance: float = Field(default=1.0, gt=0, description="Variance of its weights (nngp, ntk).")
    bias_variance: float = Field(default=0.1, ge=0, description="Variance of its biases (nngp, ntk).")
    radius: float = Field(
        default=7.0, gt=0, description="Length to which the kernel 'ball' draws its inputs in."
    )
    scales: Factors = Field(
        default=(1.0, 1.5, 2.0, 2.5, 3.0, 4.0),
        description="Factors of the scaled cells to choose from, by held-out error.",
        json_schema_extra={"metavar": "C,C,.."},
    )
    nugget: float = Field(default=1e-13, gt=0, description="Relative variance added to the diagonal.")
    rows: Count = Field(default=16000, description="Training rows at most.")
    trial_rows: Count = Field(default=3000, description="Rows of the fits that choose the factor.")
