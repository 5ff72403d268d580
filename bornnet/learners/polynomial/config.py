"""The settings of the least-squares polynomial."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from ...config.schema import LearnerConfig


class Config(LearnerConfig):
    """The least-squares polynomial, without constant."""

    iteration: ClassVar[Mapping[str, Any]] = {"rounds": 1, "strength_floors": (0.0,)}

    degree: int = Field(3, ge=1, le=8, description="Of the polynomial.", json_schema_extra={"metavar": "N"})
