"""How the law along r is written in tables, figures and sentences, around U = 0 and around a reference."""

from dataclasses import dataclass

from ..targets import Target


@dataclass(frozen=True)
class LawWords:
    """How the law along r is written: ``dy/dr = drive g(y, r)``, y(0) = 0, ``output`` = y(1).

    Attributes:
        rate: the exact g; ``rate_tex`` the same as TeX.
        coefficients: of y^0, y^1, .. in it; there are no others.
        response_name: the derivative that p g is.
        momentum, response: the exact p and p g.
        momentum_name: the derivative that p is.
        note: what the letters mean, where they need it; a sentence, or empty.
    """

    drive: str
    output: str
    rate: str
    rate_tex: str
    coefficients: tuple[str, str, str]
    momentum_name: str
    momentum: str
    response_name: str
    response: str
    note: str

    @property
    def unbroken_rate(self) -> str:
        """The rate with spaces at which no line breaks."""
        return self.rate.replace(" ", "\u00a0")

    def coefficient(self, power: int) -> str:
        return self.coefficients[power] if power < len(self.coefficients) else "0"


def law_words(target: Target) -> LawWords:
    """The words for the variable-phase equation of a target around its reference."""
    if target.reference is None:
        return LawWords(
            "U",
            "a₀",
            "-(r - y)²",
            "-(r - y)^2",
            ("-r²", "2r", "-1"),
            "∂a₀/∂y(r)",
            "(u'/u'(1))²",
            "δa₀/δU(r)",
            "-(u/u'(1))²",
            "",
        )
    inverse = target.name == "inverse"
    symbol = "(1/a₀)" if inverse else "a₀"
    one, sign, slope = ("", "+", "1") if inverse else ("-", "-", "0")
    return LawWords(
        "dU",
        f"{'1/a₀' if inverse else 'a₀'} less that of the reference",
        f"{one}(ψ {sign} yχ)²",
        rf"{one}(\psi {sign} y \chi)^2",
        (f"{one}ψ²", "2ψχ", f"{one}χ²"),
        f"∂{symbol}/∂y(r)",
        "(A/A(1))²",
        f"δ{symbol}/δU(r)",
        f"{one}(u/A(1))²",
        f"ψ and χ are waves of the reference at zero energy: ψ(0) = 0, χ(1) = 1, χ'(1) = {slope}, "
        "ψ'χ - ψχ' = 1; u is that of the potential, and A = u'χ - uχ'.",
    )
