"""A page as its elements, and whether the numbers on it are those of the JSON."""

from html.parser import HTMLParser

SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹−", "-0123456789-")
VOID = {"meta", "link", "img", "br", "path", "use", "rect", "image", "circle"}


class Page(HTMLParser):
    """Every element with its attributes and its text."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        element = {"tag": tag, "text": "", "inside": [e["tag"] for e in self.open], **dict(attributes)}
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag, attributes):
        self.elements.append({"tag": tag, "text": "", "inside": [], **dict(attributes)})

    def handle_endtag(self, tag):
        while self.open and self.open.pop()["tag"] != tag:
            pass

    def handle_data(self, data):
        for element in self.open:
            element["text"] += data

    def of(self, tag):
        return [element for element in self.elements if element["tag"] == tag]


def shown_number(text):
    """A number as the page writes it, such as 1.2 × 10⁻³ or 40.5%, and half a unit of its last digit."""
    mantissa, _, power = text.replace("\u202f", "").translate(SUPERSCRIPTS).partition("×10")
    scale = 0.01 if mantissa.endswith("%") else 1
    scale *= 10.0 ** int(power or 0)
    digits = mantissa.rstrip("%").replace(",", "")
    return float(digits) * scale, 0.500001 * scale * 0.1 ** len(digits.partition(".")[2])


def at(document, key):
    for step in key.split("."):
        document = document[int(step)] if isinstance(document, list) else document[step]
    return document


def assert_true_to(page, document):
    numbers = [element for element in Page(page).elements if "data-key" in element and "value" in element]
    for number in numbers:
        exact = at(document, number["data-key"])
        if exact is None:
            assert number["text"] == "–", number
            continue
        assert float(number["value"]) == exact, number
        shown, rounding = shown_number(number["text"])
        assert abs(shown - exact) <= rounding, number
    return {number["data-key"] for number in numbers}
