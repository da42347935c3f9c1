"""The pages in a real browser: nothing in the console, and no sideways scrolling on a phone."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from report_runs import curve, full_run, real_curve, row, table

from seqgen.metrics.table import Table
from seqgen.report import write_comparison, write_report

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
OPTIONS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync "
    "--disable-background-networking --disable-component-update --allow-file-access-from-files "
    "--enable-logging=stderr --virtual-time-budget=5000 --window-size=1400,1000"
)
# A browser's window has a smallest width, a frame has none. The frame's page may run nothing
# itself; the page around it looks in.
FRAME = """<!DOCTYPE html><body><iframe width="{width}" height="900" style="border:0"
src="{source}"></iframe><pre></pre><script>
onload = () => {{
  const page = document.querySelector("iframe").contentDocument;
  const root = page.documentElement;
  const boxes = [...page.querySelectorAll("svg, section, header, p, li, h1, h2, h3, pre, .box")];
  const words = [...page.querySelectorAll("svg")].flatMap(svg => {{
    const frame = svg.getBoundingClientRect();
    return [...svg.querySelectorAll("text")].filter(text => {{
      const box = text.getBoundingClientRect();
      return box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1
        || box.bottom > frame.bottom + 1;
    }}).map(text => text.textContent);
  }});
  document.querySelector("pre").textContent = JSON.stringify({{
    width: root.clientWidth,
    content: root.scrollWidth,
    wide: boxes.filter(box => box.getBoundingClientRect().right > root.clientWidth + 0.5).length,
    cut: words,
    pictures: page.querySelectorAll("svg").length,
    scripts: page.scripts.length,
    ran: typeof document.querySelector("iframe").contentWindow.hostile,
  }});
}};
</script></body>"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="needs Chromium or Chrome"),
]


def opened(page: Path, width: int, folder: Path) -> dict[str, Any]:
    """What the browser says of a page that is shown in so many pixels."""
    frame = folder / "frame.html"
    frame.write_text(FRAME.format(width=width, source=page.as_uri()), encoding="utf-8")
    profile = folder / "profile"
    command = [str(BROWSER), *OPTIONS.split(), f"--user-data-dir={profile}", "--dump-dom"]
    ended = subprocess.run(
        [*command, frame.as_uri()], capture_output=True, text=True, timeout=120, check=True
    )
    assert "CONSOLE" not in ended.stderr, ended.stderr
    found = re.search(r"<pre>(.+?)</pre>", ended.stdout, re.DOTALL)
    assert found is not None, ended.stdout[-2000:]
    said: dict[str, Any] = json.loads(found[1].replace("&lt;", "<").replace("&gt;", ">"))
    return said


@pytest.mark.parametrize("width", [390, 1280])
def test_a_report_fits_and_is_silent(tmp_path: Path, width: int) -> None:
    page = write_report(full_run(tmp_path / "a run <1>"))
    said = opened(page, width, tmp_path)
    assert said["width"] == said["content"] <= width
    assert (said["wide"], said["cut"], said["pictures"]) == (0, [], 13)
    assert (said["scripts"], said["ran"]) == (0, "undefined")


@pytest.mark.parametrize("width", [390, 1280])
def test_a_comparison_of_many_fits(tmp_path: Path, width: int) -> None:
    rows = [row(f"a-run-with-a-rather-long-name-{n}", bleu_5=0.2, nll=3.0) for n in range(10)]
    curves = [curve(f"a-run-with-a-rather-long-name-{n}", n / 50, True) for n in range(10)]
    page = write_comparison(
        tmp_path,
        "Ten runs",
        Table([*rows, *table().rows[1:]]),
        [*curves, real_curve()],
        {"in words": ["said"]},
    )
    said = opened(page, width, tmp_path)
    assert said["width"] == said["content"] <= width
    assert (said["wide"], said["cut"], said["pictures"]) == (0, [], 2)


def test_the_test_sees_what_is_too_wide(tmp_path: Path) -> None:
    page = tmp_path / "wide.html"
    page.write_text('<p style="width:900px">wide</p>', encoding="utf-8")
    said = opened(page, 390, tmp_path)
    assert said["content"] > said["width"] and said["wide"] == 1
