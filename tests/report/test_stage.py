"""The whole page, from tables to bytes."""

import html
import re
from html.parser import HTMLParser
from itertools import pairwise
from typing import get_args

import pyarrow.parquet as pq
import pytest

from stccl.errors import StageError
from stccl.fit.params import FitParams
from stccl.report.substitutes import parts
from stccl.tables.io import read_table
from tests.report.conftest import Shape, clips_of

VOID = {"meta", "link", "img", "br"}


class Page(HTMLParser):
    """Collects what the tests ask for, and insists on balanced tags."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open, self.headings, self.images, self.loads, self.ids = [], [], [], [], []
        self.tags, self.rows, self.texts = set(), [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.tags.add(tag)
        self.ids += [values["id"]] if "id" in values else []
        self.loads += [v for k, v in attributes if k in ("src", "href", "srcset", "data", "poster")]
        self.images += [values] if tag == "img" else []
        self.headings += [int(tag[1])] if re.fullmatch("h[1-6]", tag) else []
        self.rows += [[]] if tag == "tr" else []
        self.open += [] if tag in VOID else [tag]

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, (tag, self.getpos())

    def handle_data(self, text):
        if "style" not in self.open:
            self.texts.append(text)
        if {"td", "th"} & set(self.open) and "tr" in self.open and text.strip():
            self.rows[-1].append(text.strip())

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def test_page_is_balanced_accessible_and_needs_nothing_beside_itself(made):
    text = made().report(regions=lambda a, b: (a.mean(2) - b.mean(2)) / 255)
    page = Page(text)
    assert "script" not in page.tags
    for address in page.loads:
        assert address.startswith(("#", "data:")), address
    assert not re.search(r"url\((?!#)|@import", text)
    assert page.images
    assert all(image["alt"].strip() for image in page.images)
    assert all(image["src"].startswith("data:image/jpeg;base64,") for image in page.images)
    assert len(page.ids) == len(set(page.ids))
    used = set(re.findall(r'(?:url\(|href=")#([^)"]+)', text))
    assert used <= set(page.ids)
    assert page.headings[0] == 1
    assert page.headings.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(page.headings))


def test_same_bytes_twice(made, usual):
    assert made().report() == usual.page


def test_numbers_on_the_page_are_those_of_the_tables(usual):
    page = Page(usual.page)
    rows = read_table(usual.data / "evaluation.parquet", "evaluation").to_pylist()
    for metric in ("spatial", "temporal"):
        for weights in ("untrained", "trained"):
            pairs = {row["pair"] for row in rows}
            means = []
            for pair in pairs:
                values = [
                    row["positive_cosine"]
                    for row in rows
                    if (row["pair"], row["metric"], row["weights"]) == (pair, metric, weights)
                ]
                means.append(sum(values) / len(values))
            assert f"{sum(means) / len(means):.2f}" in page.text
    # 2 training speakers × (1 neutral + 2 emotions) × 2 sentences; pairs are per emotional clip.
    assert "Trained on 8 clip pairs (12 clips, 2 speakers, 3 emotions, 6 s of speech" in page.text
    assert "96 aligned frame pairs)" in page.text
    assert "Judged on 4 clip pairs of 1 speaker it never saw (Zoë)." in page.text


def test_totals_of_the_books_are_those_of_the_files(made):
    rejected = (("clips", "1"), ("landmarks", "001"), ("pairs", "002"))
    run = made(rejected=rejected, sentences=("001", "002", "003"))
    page = Page(run.report())
    table = {row[0]: row[1:5] for row in page.rows if row and row[0] in STAGES}
    clips = len(clips_of(Shape(sentences=("001", "002", "003"))))
    files = len(list((run.data / "aligned").glob("*.parquet")))
    assert table["clips"] == ["clips", str(clips + 1), str(clips), "1"]
    assert table["extract"] == ["clips", str(clips), str(clips), "0"]
    assert table["landmarks"] == ["clips", str(clips), str(clips - 6), "6"]
    assert table["align"] == ["clips", str(clips - 6), str(files), "0"]
    assert table["fit"] == ["clips", str(files), str(files), "0"]
    assert table["pairs"] == ["clip pairs", "12", "6", "6"]
    assert table["evaluate"] == ["unseen clip pairs", "2", "2", "0"]
    assert page.text.count("Use a clip with a visible face.") == 13
    assert "The books balance" in page.text
    assert "do not balance" not in page.text


STAGES = ("clips", "extract", "landmarks", "align", "fit", "pairs", "evaluate")


def test_clips_that_vanish_are_named_loudly(made):
    lost = "mead-M003-happy-3-001"
    page = Page(made(lost=(lost,)).report())
    assert page.text.count("The books do not balance") == 2
    assert f"align , unaccounted for: {lost}" in page.text
    assert "The books balance" not in page.text


def test_missing_landmark_rows_are_named_loudly(made):
    run = made()
    path = run.data / "landmarks" / "mead-M003-happy-3-001.parquet"
    pq.write_table(pq.read_table(path).slice(0, 7), path)
    text = Page(run.report()).text
    assert "211 rows of landmarks for 216 frames: they do not match." in text
    assert text.count("The books do not balance") == 2


def test_share_of_frames_by_source(usual):
    # 12 frames a clip: numbers 0 and 10 detected, 8 interpolated, 9 missing, 8 others tracked.
    text = Page(usual.page).text
    assert "detected 36 frames (16.7 %)" in text
    assert "tracked 144 frames (66.7 %)" in text
    assert "interpolated 18 frames (8.3 %)" in text
    assert "missing 18 frames (8.3 %)" in text


def test_fits_are_told_in_numbers_and_shown_on_faces(made):
    run = made(rejected=(("fit", "002"),))
    text = run.report()
    page = Page(text)
    # Frames 0 to 11 miss by 1.0 to 2.1 %, and the one without a face by nothing.
    assert (
        "1.5 % of the distance of the eyes from the landmarks (median over 12 clips)" in page.text
    )
    assert "12 frames of 144 have no fit" in page.text
    (worst,) = [row for row in page.rows if row and row[0] == "mead-M003-angry-3-001"]
    assert worst[1:] == ["1.5 %", "2.1 %", "1"]
    assert sum("with the fitted mesh" in image.get("alt", "") for image in page.images) == 6
    assert {row[0]: row[1:5] for row in page.rows if row}["fit"] == ["clips", "18", "12", "6"]
    assert "The books balance" in page.text


def test_text_from_data_is_escaped(made):
    evil = "<script>alert('&')</script>"
    run = made(
        speakers=("M003", '"><img src=x onerror=1>'.replace("/", "")),
        unseen=('"><img src=x onerror=1>',),
        rejected=(("extract", "002"),),
        reason=evil.replace("/", ""),
        detail=evil,
    )
    card = run.root / "datasets" / "mead" / "card.yaml"
    card.write_text(f'name: MEAD\nlicence: "{evil}"\ncitation: "{evil}"\n')
    text = run.report()
    page = Page(text)
    assert "script" not in page.tags
    assert not any(image["src"] == "x" for image in page.images)
    assert html.escape(evil, quote=True).replace("&#x27;", "&#39;") in text


def test_training_that_did_not_help_is_said_as_clearly(made):
    text = Page(made(gains=(("spatial", -0.2), ("temporal", 0.0))).report()).text
    assert "Training did not help: the spatial metric fell, the temporal one did not rise" in text


@pytest.mark.parametrize(
    "shape",
    [
        {"emotions": ("sad",)},
        {"emotions": ("sad",), "sentences": ("001",)},
        {
            "speakers": ("Ünal-岩",),
            "unseen": ("Ünal-岩",),
            "emotions": ("sad",),
            "sentences": ("1",),
        },
        {"gains": (("temporal", 0.1),)},
        {"curves": False},
        {"emotions": ("calm", "angry")},
    ],
    ids=["one emotion", "one pair", "nothing trained on", "one metric", "no curves", "emotion"],
)
def test_little_to_show_is_shown(made, shape):
    page = Page(made(**shape).report())
    assert "Nothing was rejected." in page.text
    assert "The books balance" in page.text
    assert page.images


def test_single_pair_has_no_interval_and_says_so(made):
    text = Page(made(emotions=("sad",), sentences=("001",)).report()).text
    assert text.count("one clip pair, so no interval") == 2
    assert "With one clip pair there is no interval" in text


@pytest.mark.parametrize("name", ["evaluation", "pairs", "clips", "index/mead"])
def test_missing_table_is_one_line(made, name):
    run = made()
    (run.data / f"{name}.parquet").unlink()
    with pytest.raises(StageError, match=rf"{name}.parquet is missing; run `dvc repro`") as caught:
        run.report()
    assert "\n" not in str(caught.value)


def test_no_unseen_speaker_is_one_line(made):
    with pytest.raises(StageError, match="judges no pair of the split metric-test"):
        made(unseen=()).report()


def test_broken_curve_is_one_line(made):
    run = made()
    path = next((run.root / "plots").rglob("loss.tsv"))
    path.write_text("time\tloss\n1\t2\n")
    with pytest.raises(StageError, match=r"loss.tsv is no table of steps and values"):
        run.report()


def test_parameters_datasets_and_substitutes_are_listed(usual):
    text = Page(usual.page).text
    assert f"metric.temperature {usual.params.metric.temperature}" in text
    assert "datasets.mead.root /clips/mead" in text
    assert "Licence: ask the authors. Wang et al., ECCV 2020" in text
    assert "predictor offline default" in text


@pytest.mark.parametrize("model", get_args(FitParams.model_fields["model"].annotation))
def test_every_face_model_is_named(usual, model):
    fit = usual.params.fit.model_copy(update={"model": model})
    (part,) = [
        part for part in parts(usual.params.model_copy(update={"fit": fit}))
        if part.key == "fit.model"
    ]  # fmt: skip
    assert part.is_published == (model == "deca")
    assert model.upper() in part.used.upper()


def test_progress_ends_complete(made):
    from stccl.report.stage import run

    made = made()
    calls = []
    folders = [made.root / n for n in ("data", "models", "metrics", "plots", "report")]
    run(*folders, made.params, lambda done, total: calls.append((done, total)))
    done = [call[0] for call in calls]
    assert done == sorted(set(done))
    assert calls[-1][0] == calls[-1][1]
    assert not [p for p in (made.root / "report").iterdir() if p.name != "index.html"]
