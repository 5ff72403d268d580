"""What things are called in tables, figures and sentences: the Born series is only that around U = 0."""

from dataclasses import dataclass

from ..targets import Target


@dataclass(frozen=True)
class Words:
    """The words of a comparison.

    Attributes:
        series: what is learned, with its article.
        exact: what qualifies its kernel, terms and sums.
        short: the same, as the heading of a column.
        value: the target, as text; around a reference, without the value there.
        values: what the learners were trained on.
        symbol: the target's symbol, as TeX.
        eta: the strength's symbol, as TeX; empty around a reference, where it is no Weinberg eigenvalue.
        unit: the target's unit.
        power: of the range in that unit.
        pole: what is at strength 1.
        at: the reference's name; None for U = 0.
    """

    series: str
    exact: str
    short: str
    value: str
    values: str
    symbol: str
    eta: str
    unit: str
    power: int
    pole: str
    at: str | None

    @property
    def strength(self) -> str:
        return f"strength{' η' if self.eta else ''}"

    def density(self, order: int) -> str:
        """The unit of a kernel of that order, as a density over the radii, as TeX."""
        power = order + self.power
        return f"range$^{{{power}}}$" if power > 1 else "ranges" if power else "dimensionless"


def words(target: Target, at: str | None = None, observable: str = "") -> Words:
    """The words for a target around its reference, called ``at``; ``observable`` names given values."""
    if target.name == "given":
        return _of_given(observable or target.symbol)
    inverse = target.name == "inverse"
    symbol, unit = ("1/a_0", "1/range") if inverse else ("a_0", "ranges")
    values = "inverse scattering lengths" if inverse else "scattering lengths"
    if target.reference is None:
        pole = "there is a bound state and no Born series converges, learned or exact"
        return Words(
            "the Born series", "Born", "Born", "a0", values, symbol, r"\eta", unit, target.unit, pole, None
        )
    name = at or "the reference"
    pole = f"{'a₀ = 0' if inverse else 'a bound state at zero energy'} is met and no series converges"
    return Words(
        f"the distorted-wave series of {target.symbol} around {name}",
        "distorted-wave",
        "exact",
        f"{target.symbol} less that of the reference",
        values,
        symbol,
        "",
        unit,
        target.unit,
        f"{pole}, learned or exact",
        name,
    )


def _of_given(observable: str) -> Words:
    """Of values whose truth nobody knows: no series is exact, and no unit is known."""
    as_tex = r"\mathrm{" + "".join(c if c.isalnum() else r"\ " for c in observable) + "}"
    return Words(
        f"the power series of {observable}",
        "exact",
        "exact",
        observable,
        f"given values of {observable}",
        as_tex,
        r"\eta",
        "",
        0,
        "the Born series of the scattering length diverges",
        None,
    )
