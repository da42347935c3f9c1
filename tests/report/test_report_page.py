"""The page of a run: what it holds, that nothing of a run becomes markup, and equal bytes."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from report_runs import (
    HOSTILE,
    RECIPE,
    curve,
    evaluation,
    full_run,
    make_run,
    real_curve,
    table,
    write_journal,
)

from seqgen.errors import RunFailure, UserError
from seqgen.report import write_comparison, write_report
from seqgen.report.record import FILE, Record

VOID = {"meta", "br", "img", "link", "input", "hr"}


class Page(HTMLParser):
    """What a page is made of; fails where elements are not closed in their order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.headings: list[tuple[int, str]] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append((int(tag[1]), ""))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"</{tag}> in {self.open}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        if self.open and re.fullmatch("h[1-6]", self.open[-1]):
            level, text = self.headings.pop()
            self.headings.append((level, text + data))

    def text(self) -> str:
        return "".join(self.texts)

    def values(self, name: str) -> list[str]:
        return [value or "" for key, value in self.attributes if key == name]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / 'a <b> & "c" run'
    write_report(full_run(folder))
    return folder


@pytest.fixture(scope="module")
def page(run: Path) -> Page:
    return Page((run / "report.html").read_text("utf-8"))


def test_sections_stand_in_their_order_and_headings_skip_no_level(page: Page) -> None:
    assert [text for level, text in page.headings if level == 2] == [
        "At a glance",
        "Warnings",
        "Quality and diversity",
        "Over the rounds",
        "Metrics",
        "Side by side",
        "Samples over time",
        "Settings",
        "How to reproduce",
    ]
    levels = [level for level, _ in page.headings]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_nothing_is_fetched_and_nothing_runs(run: Path, page: Page) -> None:
    assert not {"script", "link", "img", "iframe", "object", "image"} & set(page.tags)
    assert page.values("src") == []
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    links = [*page.values("href"), *page.values("xlink:href")]
    assert all(link.startswith("#") for link in links)
    html = (run / "report.html").read_text("utf-8")
    assert set(re.findall(r"https?://[^\"'<> ]+", html)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    assert "@import" not in html and not re.search(r"url\((?!#)", html)
    assert "default-src 'none'" in page.values("content")[0]


def test_what_a_run_holds_is_text_and_never_markup(page: Page) -> None:
    text = page.text()
    assert 'Run a <b> & "c" run' in text
    assert "LSTM by an adversary & <b>friends</b>" in text
    assert "references were cut to 10,000 <lines>" in text
    for sentence in (HOSTILE[0], HOSTILE[3], HOSTILE[4]):
        assert sentence in text
    assert "\x00" not in text and "\x1b" not in text and "a\ufffdb\ufffd[31m" in text
    assert "b" not in page.tags and "img" not in page.tags


def test_pictures_are_inline_named_and_of_no_fixed_width(page: Page) -> None:
    count = page.tags.count("svg")
    assert count == 13 and page.tags.count("title") == count + 1
    assert page.values("role").count("img") == count
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    named = [name for value in page.values("aria-labelledby") for name in value.split()]
    assert set(named) <= set(ids)
    targets = {link[1:] for link in [*page.values("href"), *page.values("xlink:href")]}
    assert targets <= set(ids)
    assert "width=device-width, initial-scale=1" in page.values("content")


def test_every_picture_is_a_file_too_and_says_what_it_shows(run: Path, page: Page) -> None:
    names = {path.stem for path in (run / "pictures").iterdir()}
    assert names >= {"quality-diversity-local", "quality-diversity-global", "nll", "self-bleu"}
    assert names >= {"loss-generator", "loss-discriminator", "accuracy", "generator-reward"}
    for name in names:
        assert (run / "pictures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert "<svg" in (run / "pictures" / f"{name}.svg").read_text("utf-8")
    text = page.text()
    assert "generated: from 0.289 at step 100 to 0.348 at step 800, 0.330 for real data" in text
    assert "real data: −0.220, 0.170" in text


def test_figures_stand_beside_those_of_real_data_with_intervals_and_signatures(page: Page) -> None:
    text = page.text()
    assert re.search(r"bleu-4 ↑\s*0\.268\s*real data 0\.300", text)
    assert "0.258 to 0.278" in text and "95% interval (bootstrap 1000)" in text
    assert "hypotheses:500|version:1" in text
    assert "hypotheses:1000|references:10000|order:4|smooth:m1|version:1" in text
    assert "No warnings" in text
    assert "sentence 0 of step 800" in text and "sentence 6 of step 800" in text
    assert "sentence 7 of step 800" not in text


def test_the_same_run_gives_the_same_bytes(run: Path, tmp_path: Path) -> None:
    again = tmp_path / run.name
    shutil.copytree(run, again, ignore=shutil.ignore_patterns("report.html", "pictures"))
    write_report(again)
    files = sorted(path.relative_to(run) for path in run.rglob("*") if path.is_file())
    assert len(files) > 30
    for file in files:
        assert (run / file).read_bytes() == (again / file).read_bytes(), file


def test_the_settings_of_the_user_change_no_picture(tmp_path: Path) -> None:
    import matplotlib

    figures = []
    run = make_run(tmp_path)
    write_journal(run, [evaluation(step, nll=3.0 / step) for step in (1, 2, 3)])
    for size in (10, 30):
        with matplotlib.rc_context({"font.size": size, "lines.linewidth": size}):
            figures.append(write_report(run).read_bytes())
            assert matplotlib.rcParams["font.size"] == size
    assert figures[0] == figures[1]


def test_a_run_that_has_just_begun_has_a_report(tmp_path: Path) -> None:
    page = Page(write_report(make_run(tmp_path / "new")).read_text("utf-8"))
    assert [text for level, text in page.headings if level == 2] == [
        "Warnings",
        "Metrics",
        "Settings",
        "How to reproduce",
    ]
    assert "seqgen evaluate new" in page.text()
    assert not (tmp_path / "new" / "pictures").exists()


def test_the_best_checkpoint_is_named_where_figures_and_sentences_stand(tmp_path: Path) -> None:
    run = full_run(tmp_path)
    assert "table below, of step 800." in Page(write_report(run).read_text("utf-8")).text()
    (run / "checkpoints").mkdir()
    for step in (800, 200):
        (run / "checkpoints" / "best").write_text(f"step-{step:08d}\n")
        text = Page(write_report(run).read_text("utf-8")).text()
        assert ("table below, of the best checkpoint, step 800." in text) is (step == 800)
        assert f"Step {step}, the best checkpoint" in text


def test_a_page_without_curves_says_how_to_have_them(tmp_path: Path) -> None:
    run = full_run(tmp_path)
    hint = "drawn in one way only"
    assert hint not in write_report(run).read_text("utf-8")
    (run / FILE).write_text(json.dumps(Record({}, table()).to_json()))
    assert hint in write_report(run).read_text("utf-8")


def test_pictures_that_are_a_file_are_told(tmp_path: Path) -> None:
    run = full_run(tmp_path)
    (run / "pictures").write_text("mine")
    with pytest.raises(UserError, match=r"pictures is a file.*--out FILE"):
        write_report(run)
    assert write_report(run, tmp_path / "page.html").is_file()


def test_a_judge_shows_its_test_accuracy_first(tmp_path: Path) -> None:
    run = make_run(tmp_path, RECIPE.replace("kind: seqgan", "kind: classification"))
    write_journal(run, [evaluation(step, accuracy=step / 10) for step in (4, 5, 6)])
    facts = {"step": 5, "split": "test", "test_accuracy": 0.97, "sentences": 1000}
    (run / "judge.json").write_text(json.dumps({**facts, "per_label": {"bad": 0.96, "a<b": 0.98}}))
    text = Page(write_report(run).read_text("utf-8")).text()
    assert "Test accuracy 0.9700 on 1,000 sentences, of step 5." in text and "of a<b" in text
    assert "Held-out accuracy" in text and "Generated sentences" not in text
    (run / "judge.json").write_text("{}")
    with pytest.raises(UserError, match=r"judge.json is damaged"):
        write_report(run)


def test_commands_are_quoted_for_the_shell(tmp_path: Path) -> None:
    page = Page(write_report(make_run(tmp_path / "it's; rm")).read_text("utf-8"))
    assert """seqgen evaluate 'it'"'"'s; rm'""" in page.text()


def test_a_judge_is_not_told_to_be_evaluated(tmp_path: Path) -> None:
    judge = RECIPE.replace("kind: seqgan", "kind: classification")
    assert "seqgen evaluate" not in write_report(make_run(tmp_path, judge)).read_text("utf-8")


def test_with_out_the_run_is_left_alone(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    write_journal(run, [evaluation(step, nll=3.0 / step) for step in (1, 2, 3)])
    before = sorted(run.rglob("*"))
    place = write_report(run, tmp_path / "pages" / "one.html")
    assert place == tmp_path / "pages" / "one.html" and place.stat().st_size > 10_000
    assert sorted(run.rglob("*")) == before


def test_a_damaged_evaluation_is_told(tmp_path: Path) -> None:
    run = full_run(tmp_path)
    (run / FILE).write_text('{"about": {}}')
    with pytest.raises(RunFailure, match="delete it and run seqgen evaluate"):
        write_report(run)


@pytest.mark.parametrize("recipe", ["[1, 2]", "a: [", "\x00"])
def test_a_damaged_recipe_is_told(tmp_path: Path, recipe: str) -> None:
    with pytest.raises(UserError, match=r"recipe\.yaml is damaged"):
        write_report(make_run(tmp_path, recipe))


def test_figures_that_are_not_numbers_are_shown_as_missing(tmp_path: Path) -> None:
    lines = [
        {"event": "evaluation", "step": n, "round": n, "phase": "p", "nll": None, "bleu-4": 0.1}
        for n in (1, 2)
    ]
    write_journal(make_run(tmp_path), [{**line, "nonfinite": ["nll"]} for line in lines])
    text = Page(write_report(tmp_path).read_text("utf-8")).text()
    assert "nll was not finite 2 times" in text and "NaN" not in text.replace("nan", "NaN")


def test_a_comparison_holds_table_pictures_and_sentences(tmp_path: Path) -> None:
    curves = [curve("_one $x$ <i>", spread=True), curve("two", 0.05), real_curve()]
    said = {"quality a, diversity b": ["two is dominated by <one> at every temperature."]}
    place = write_comparison(tmp_path / "new" / "folder", "A & B", table(), curves, said)
    page = Page(place.read_text("utf-8"))
    assert {path.name for path in place.parent.iterdir()} == {
        "comparison.html",
        "comparison.png",
        "comparison.svg",
    }
    text = page.text()
    assert "quality a, diversity b" in text and said["quality a, diversity b"][0] in text
    assert "_one $x$ <i>" in text and "standard deviation over seeds" in text
    assert [text for level, text in page.headings if level == 2] == [
        "In words",
        "Quality and diversity",
        "Metrics",
    ]
    first = {path.name: path.read_bytes() for path in place.parent.iterdir()}
    write_comparison(place.parent, "A & B", table(), curves, said)
    assert first == {path.name: path.read_bytes() for path in place.parent.iterdir()}


def test_a_comparison_without_curves_is_a_table(tmp_path: Path) -> None:
    place = write_comparison(tmp_path, "A", table(), [], {})
    assert [path.name for path in tmp_path.iterdir()] == ["comparison.html"]
    assert Page(place.read_text("utf-8")).tags.count("svg") == 0


def test_reports_need_no_torch_and_matplotlib_only_when_they_draw(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    write_journal(run, [evaluation(step, nll=3.0 / step) for step in (1, 2, 3)])
    code = f"""
import sys
import seqgen.report
assert "matplotlib" not in sys.modules
seqgen.report.found({str(run)!r})
assert "matplotlib" not in sys.modules
seqgen.report.write_report({str(run)!r})
assert "matplotlib" in sys.modules and "matplotlib.pyplot" not in sys.modules
assert "torch" not in sys.modules and "transformers" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
