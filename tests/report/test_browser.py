"""The page in a browser: no error, every figure drawn, nothing wider than the window."""

import json
import re
import shutil
import subprocess
from html import escape, unescape

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
    "--window-size=1300,900",
    "--virtual-time-budget=5000",
)
# A window cannot be narrower than 500 pixels, a frame can.
FRAME = '<!doctype html><body><iframe style="width: {width}px; height: 900px; border: 0" srcdoc="{page}">'
MEASURE = """<script>
const box = e => { const b = e.getBoundingClientRect(); return [b.left, b.right, b.width, b.height]; };
const link = i => i.getAttribute("xlink:href") || i.href.baseVal;
const measure = () => parent.document.body.dataset.measured = JSON.stringify({
  width: innerWidth, scroll: document.documentElement.scrollWidth,
  figures: [...document.querySelectorAll("figure svg")].map(box),
  cells: [...document.querySelectorAll("td")].map(box),
  images: [...document.querySelectorAll("image")].map(i => link(i).length),
});
addEventListener("load", () => setTimeout(measure, 1000));  // once all is laid out, on a busy machine too
</script></body>"""


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
@pytest.mark.parametrize("width", [1200, 400])
def test_page_in_chromium(page, drawn, tmp_path, width):
    file = tmp_path / "frame.html"
    measured = page.replace("</body>", MEASURE)
    file.write_text(FRAME.format(width=width, page=escape(measured)), encoding="utf-8")
    arguments = [f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", file.as_uri()]
    shown = subprocess.run(
        [CHROMIUM, *FLAGS, *arguments], capture_output=True, text=True, timeout=60, check=True
    )
    assert "CONSOLE" not in shown.stderr
    found = json.loads(unescape(re.search(r'data-measured="([^"]*)"', shown.stdout)[1]))
    assert 0 <= width - found["width"] <= 20  # a scroll bar
    assert found["scroll"] <= found["width"]
    assert len(found["figures"]) == len(drawn)
    for _, _, wide, high in found["figures"]:
        assert wide > 300
        assert high > 60
    for left, right, _, _ in found["cells"]:
        assert 0 <= left <= right <= found["width"]
    assert found["images"]
    assert all(length > 100 for length in found["images"])
