"""Settings of a Gaussian process."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from ...config.kinds import Count
from ...config.schema import LearnerConfig

KERNELS = (
    "exponential",
    "ball",
    "nngp-erf",
    "nngp-sin",
    "nngp-gelu",
    "ntk-erf",
    "ntk-sin",
    "ntk-gelu",
)


def _known(value: str) -> str:
    if any(part not in KERNELS for part in value.split("+")):
        raise PydanticCustomError("kernel", f"one of {', '.join(KERNELS)}, or a sum such as exponential+ball")
    return value


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


Lengths = Annotated[
    tuple[Annotated[float, Field(ge=0)], ...], BeforeValidator(_floats), Field(min_length=1, max_length=50)
]
Factors = Annotated[
    tuple[Annotated[float, Field(gt=0)], ...], BeforeValidator(_floats), Field(min_length=1, max_length=50)
]
Bends = Annotated[tuple[float, ...], BeforeValidator(_floats), Field(min_length=1, max_length=50)]


class Config(LearnerConfig):
    """How a Gaussian process is fitted."""

    iteration: ClassVar[Mapping[str, Any]] = {"rounds": 1, "strength_floors": (0.0,)}

    kernel: Annotated[str, AfterValidator(_known)] = Field(
        default="exponential",
        description=f"Covariance of the process, or a sum (exponential+ball): {', '.join(KERNELS)}.",
        json_schema_extra={"metavar": "NAME[+NAME]"},
    )
    depth: Count = Field(default=1, description="Hidden layers of the infinite network (nngp, ntk).")
    weight_variance: float = Field(default=1.0, gt=0, description="Variance of its weights (nngp, ntk).")
    bias_variance: float = Field(default=0.1, ge=0, description="Variance of its biases (nngp, ntk).")
    radius: float = Field(
        default=7.0, gt=0, description="Length to which the kernel 'ball' draws its inputs in."
    )
    amplitudes: Literal["auto", "orders", "one"] = Field(
        default="auto",
        description="One for the process, or one for every order, by the evidence (kernel 'exponential', "
        "values without errors); auto: for every order of what other learners leave.",
    )
    scales: Factors = Field(
        default=(1.0, 2.0, 3.0, 4.0),
        description="Factors of the scaled cells to choose from, by held-out error.",
        json_schema_extra={"metavar": "C,C,.."},
    )
    lengths: Lengths = Field(
        default=(0.2, 0.0, 0.1),
        description="Ranges of r over which cells belong together, to choose from; 0: cells by themselves.",
        json_schema_extra={"metavar": "R,R,.."},
    )
    bends: Bends = Field(
        default=(0.0, 1.0, -1.0),
        description="How values bend, y / (1 - t y) being fitted, to choose from: t, over the largest value.",
        json_schema_extra={"metavar": "T,T,.."},
    )
    nugget: float = Field(default=1e-13, gt=0, description="Relative variance added to the diagonal.")
    rows: Count = Field(default=16000, description="Training rows at most.")
    solver: Literal["auto", "cholesky", "low-rank"] = Field(
        default="auto",
        description="A Cholesky factor of all rows, or least squares on those that carry the kernel, whose "
        "memory grows as rows times --rank; auto: the latter where the former does not fit in memory.",
    )
    rank: Count = Field(default=10000, description="Rows that carry the kernel at most (low-rank).")
    robust: bool = Field(
        default=True,
        description="Widen the errors of rows whose values contradict all others (values with errors, and a "
        "Cholesky factor).",
        json_schema_extra={"flags": "--robust/--plain"},
    )
    trial_rows: Count = Field(default=3000, description="Rows of the fits that choose the factor.")
    deviations: Literal["halves", "none"] = Field(
        default="halves",
        description="Standard deviations of what values without errors teach: by fits to halves of the rows.",
    )
