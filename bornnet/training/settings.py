"""The settings of a fit in steps, which every learner shares that is trained by an optimizer."""

from pydantic import Field

from ..config.kinds import Count, Counts
from ..config.names import Optimizer
from ..config.schema import LearnerConfig


class Stepwise(LearnerConfig):
    """How a learner's weights are fitted, round by round."""

    optimizer: Optimizer = Field("levenberg-marquardt", description="What moves the weights.")
    steps: Counts = Field(
        (50, 20, 20),
        description="Optimizer steps of round 1, 2, ..; the last value is used for later rounds.",
        json_schema_extra={"metavar": "N,N,.."},
    )
    patience: Count = Field(20, description="Steps without a lower typical held-out error that end a round.")
    warm_start: bool = Field(
        True,
        description="Start a round from the weights of the one before, or anew.",
        json_schema_extra={"flags": "--warm-start/--cold-start"},
    )
    learning_rate: float = Field(1e-3, gt=0, description="Of Adam.", json_schema_extra={"metavar": "RATE"})
    batch: Count = Field(256, description="Samples in a mini-batch of Adam.")
