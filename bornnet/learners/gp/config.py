"""Settings of a Gaussian process."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Config(BaseModel):
    """How a Gaussian process is fitted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kernel: Literal["exponential", "ball", "nngp-erf", "nngp-sin", "ntk-erf", "ntk-sin"] = Field(
        default="exponential", description="Covariance of the process"
    )
    depth: int = Field(default=1, ge=1, description="Hidden layers of the infinite network (nngp, ntk)")
    weight_variance: float = Field(default=1.0, gt=0, description="Variance of its weights (nngp, ntk)")
    bias_variance: float = Field(default=0.1, ge=0, description="Variance of its biases (nngp, ntk)")
    radius: float = Field(
        default=7.0, gt=0, description="Length to which the kernel 'ball' draws its inputs in"
    )
    scales: tuple[float, ...] = Field(
        default=(1.0, 1.5, 2.0, 2.5, 3.0, 4.0),
        min_length=1,
        description="Factors of the scaled cells to choose from, by held-out error",
    )
    nugget: float = Field(default=1e-13, gt=0, description="Relative variance added to the diagonal")
    rows: int = Field(default=16000, ge=2, description="Training rows at most")
    trial_rows: int = Field(default=3000, ge=2, description="Rows of the fits that choose the factor")
