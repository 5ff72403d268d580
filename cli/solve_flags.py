"""What the library says of parameters of `solve`, said of the flags of the command."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from bornnet.errors import InputError

_FLAGS = (
    "tail coefficient|core radius|core height|reduced mass|depth|range|diffuseness|shape|units|tail|cells|row"
)


def as_flags(text: str) -> str:
    """What the library says of parameters, said of the flags of this command."""

    def flag(found: re.Match[str]) -> str:
        return f"{found[1]}--{found[2].replace(' ', '-')}"

    text = re.sub(rf"^()({_FLAGS})\b(?=[: ])", flag, text).replace("terms:", "--term:")
    text = re.sub(rf"(expected (?:a )?)({_FLAGS})(?=( and range)? with it)", flag, text)
    text = text.replace(" and range with it", " and --range with it").replace("the shape ", "--shape ")
    return re.sub(r"\b(say )?tail (none|[0-9])", r"\1--tail \2", text, flags=re.IGNORECASE)


@contextmanager
def flags_in_errors() -> Iterator[None]:
    """Errors of the library, with the flags that gave its parameters."""
    try:
        yield
    except InputError as error:
        raise InputError(as_flags(str(error))) from None
