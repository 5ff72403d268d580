"""The configuration of a study: one flat vocabulary of keys, the same in files and flags.

Every key is declared once, here or in the settings of its learner, with its type, default and description;
`bornnet.cli.options` makes the flags and their help from that.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    SerializeAsAny,
)

from .kinds import Chain, Count, Floors, Range, whole
from .names import Device, Family, Labels, LowerOrders, Remove, Sigma, Spacing, TargetName

EXPECTED = {
    "strength": "two numbers LO HI with 0 < LO <= HI",
    "steps": "steps of round 1, 2, .., each a whole number of at least 1, such as 100,60,40",
    "strength_floors": "a strength of at least 0 for round 1, 2, .., such as 0,0.02,0.05",
    "hidden": "the widths of 1 to 64 hidden layers, each at least 1, such as 64,64",
    "scales": "one positive factor or several, such as 1,2,4",
    "others": 'names of up to 8 activations, such as gelu,softplus; "" for none',
    "ease": "'error' or an order K from 2 to 4, and a weight of at least 0, such as error,1e-2",
    "learner": "the name of a learner, or several such as polynomial,mlp",
}
"""What errors call the values of keys that are no single number or name."""


class Keys(BaseModel):
    """Keys and their values; immutable, every value checked."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False, defer_build=True)


class LearnerConfig(Keys):
    """The settings of a learner, which its own file declares.

    Attributes:
        iteration: defaults of the keys of `Iteration` that are others for this learner.
    """

    iteration: ClassVar[Mapping[str, Any]] = {}

    def require_ready(self, members: int) -> None:
        """`InputError` where something is missing that so many members of an ensemble need."""
        return None


class Common(Keys):
    """What every command shares."""

    seed: int = Field(0, ge=0, lt=2**63, description="All random numbers follow from it.")
    device: Device = Field("auto", description="Where networks are trained.")
    workers: Count | None = Field(None, description="CPU threads, or processes; all there are unless given.")


class Data(Keys):
    """The potentials and their labels."""

    samples: Count = Field(10_000, description="How many potentials.")
    cells: Annotated[int, BeforeValidator(whole)] = Field(
        16, ge=1, le=10_000, description="Cells of a potential.", json_schema_extra={"metavar": "D"}
    )
    family: Family = Field("mixture", description="Kind of potentials.")
    strength: Range = Field(
        (1e-3, 0.5),
        description="Range of the strength, Weinberg's eigenvalue eta; the Born series converges below 1.",
    )
    strength_spacing: Spacing = Field("log", description="How strengths fill their range.")
    at: str | None = Field(
        None,
        min_length=1,
        description=(
            "Reference potential that the series starts from, such as square:eta=0.95 or gaussian:a0=inf, or "
            "a file of one row; U = 0 unless given."
        ),
        json_schema_extra={"metavar": "REFERENCE"},
    )
    target: TargetName = Field(
        "scattering_length", description="What is learned; the inverse needs a reference."
    )
    labels: Labels = Field("value", description="Scattering lengths alone, or with their gradients.")
    noise: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Gaussian errors of the labels, relative to each; recorded a row.",
        json_schema_extra={"metavar": "REL"},
    )
    noise_absolute: float = Field(
        0.0, ge=0, description="Gaussian errors of the labels, the same for all rows."
    )

    observable: str = Field(
        "scattering_length",
        min_length=1,
        description=(
            "What given values are of; a dataset of another one is refused. Only of the scattering length is "
            "the truth known."
        ),
    )

    @property
    def noisy(self) -> bool:
        """Whether the labels have errors."""
        return self.noise > 0 or self.noise_absolute > 0


class Iteration(Keys):
    """The rounds, whatever learns in them."""

    learner: Chain = Field(
        ("mlp",),
        description=(
            "What learns. Of several, such as polynomial,mlp, each learns what the ones before leave; auto: "
            "what is best for the dataset."
        ),
        json_schema_extra={"metavar": "NAME"},
    )
    members: Annotated[int, BeforeValidator(whole)] = Field(
        1,
        ge=1,
        le=10_000,
        description="Members of the ensemble, over seeds.",
        json_schema_extra={"metavar": "M"},
    )
    bootstrap: bool = Field(
        False,
        description="Fit each member to rows drawn anew, so that their spread is an error bar.",
        json_schema_extra={"flags": "--bootstrap/--no-bootstrap"},
    )
    rounds: Annotated[int, BeforeValidator(whole)] = Field(
        3, ge=1, le=20, description="Rounds of the iteration.", json_schema_extra={"metavar": "K"}
    )
    time_limit: float | None = Field(
        None, gt=0, description="How long a member may train.", json_schema_extra={"metavar": "MINUTES"}
    )
    holdout: float = Field(
        0.2,
        gt=0,
        lt=1,
        description="Part of the dataset held out.",
        json_schema_extra={"metavar": "FRACTION"},
    )
    sigma: Sigma = Field(
        "given", description="Errors of the values: as the dataset states them, or learned from the values."
    )
    strength_floors: Floors = Field(
        (0.0, 0.02, 0.05),
        description=(
            "Potentials weaker than this sit out round 1, 2, ..; the last value is used for later rounds."
        ),
        json_schema_extra={"metavar": "ETA,ETA,.."},
    )
    lower_orders: LowerOrders = Field(
        "removed",
        description="Orders below the one that is due: removed from the model, or corrected by each round.",
    )
    remove: Remove = Field(
        "learned", description="Terms taken from the target: learned, or exact ones (to compare only)."
    )
    directions: Count = Field(
        2,
        description="Derivatives fitted a potential, with labels gradient.",
        json_schema_extra={"metavar": "K"},
    )


class Comparison(Keys):
    """What is compared with the Born series."""

    order: int = Field(
        3, ge=1, le=20, description="Highest Born order compared.", json_schema_extra={"metavar": "K"}
    )


class StudyConfig(Comparison, Iteration, Data, Common):
    """Everything a study is set up by; immutable, every value checked.

    Settings of the learners are attributes too: those of the first learner that has the key.

    Attributes:
        settings: of each learner of the chain.
    """

    settings: tuple[SerializeAsAny[LearnerConfig], ...] = ()
    _typed: frozenset[str] = PrivateAttr(frozenset())
    _layers: tuple[Any, ...] = PrivateAttr(())
    _reason: str | None = PrivateAttr(None)

    def __getattr__(self, key: str) -> Any:
        if not key.startswith("_"):
            for part in self.settings:
                if key in type(part).model_fields:
                    return getattr(part, key)
        return super().__getattr__(key)  # type: ignore[misc]

    def __eq__(self, other: object) -> bool:  # whoever gave the values
        return type(other) is type(self) and self.__dict__ == other.__dict__

    @property
    def typed(self) -> frozenset[str]:
        """The keys that flags or files give: those of a preset yield to what the dataset says."""
        return self._typed

    @property
    def reason(self) -> str | None:
        """Why this learner was chosen, where that was left to the rule."""
        return self._reason

    def parts(self) -> Iterator[tuple[str, LearnerConfig]]:
        """Each learner's name with its settings."""
        return zip(self.learner, self.settings, strict=True)

    def flat(self, mode: str = "python") -> dict[str, Any]:
        """All keys and their values; with ``"json"``, ready for JSON.

        In a chain, a key that several learners set differently stands as ``learner.key`` for each.
        """
        values = self.model_dump(mode=mode, exclude={"settings"})
        values["learner"] = ",".join(self.learner)
        for name, part in self.parts():
            for key, value in part.model_dump(mode=mode).items():
                same = all(
                    getattr(other, key) == getattr(part, key)
                    for other in self.settings
                    if key in type(other).model_fields
                )
                values[key if same else f"{name}.{key}"] = value
        return values

    def changed(self, **values: Any) -> "StudyConfig":
        """With other values of the keys that are no learner's own, as typed as before."""
        return self.model_copy(update=values)

    def generator(self) -> dict[str, Any]:
        """The keys that determine a dataset's numbers, and their values, ready for JSON."""
        own = {"observable"} | (set() if self.noisy else {"noise", "noise_absolute"})
        own |= {"target"} if self.at is None else set()
        own |= {"at"} if self.at is None else set()
        return self.model_dump(mode="json", include={"seed", *Data.model_fields} - own)


STUDY_KEYS: tuple[str, ...] = tuple(key for key in StudyConfig.model_fields if key != "settings")
"""The keys of every study; each learner has more."""
