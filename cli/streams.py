"""stdout and stderr as a command finds them: closed, or unable to show every letter."""

import codecs
import os
import re
import sys

_PLAIN = (
    {
        "−": "-",
        "–": "-",
        "×": "x",
        "·": ".",
        "±": "+-",
        "→": "->",
        "∂": "d",
        "∫": "integral ",
        "′": "'",
        "å": "a",
        "µ": "u",
        "η": "eta",
        "σ": "sigma",
        "ᵏ": "^k",
        "Å": "A",
        "\u212b": "A",
        "●": "*",
        "○": "o",
        "△": "^",
    }
    | dict.fromkeys("─━┴┬┼├┤└┘┐┌", "-")
    | dict(zip("▁▂▃▄▅▆▇█", "_.:-=+*#", strict=True))
)
_HIGH = dict(zip("⁻⁰¹²³⁴⁵⁶⁷⁸⁹⁽⁾", "-0123456789()", strict=True))
_LOW = {letter: str(digit) for digit, letter in enumerate("₀₁₂₃₄₅₆₇₈₉")}
_EXPONENT = re.compile(f"[{''.join(_HIGH)}]+")


def make_writable() -> None:
    """Let everything be printed: nowhere where a stream is closed, in plain letters where it has no others.

    A closed stream's number must not go to the next file that is opened, to which libraries would then write
    what they have to say.
    """
    codecs.register_error("plain", _plainly)
    for name in ("stdin", "stdout", "stderr"):  # in the order of their numbers, which they then get again
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="plain")


def _plainly(error: UnicodeError) -> tuple[str, int]:
    """What stands for letters that an encoding lacks: exponents as ^-8, Greek by name, others as escapes."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    text = _EXPONENT.sub(lambda found: "^" + "".join(_HIGH[letter] for letter in found[0]), text)
    plain = "".join(_PLAIN.get(letter) or _LOW.get(letter) or letter for letter in text)
    return plain.encode("ascii", "backslashreplace").decode("ascii"), error.end
