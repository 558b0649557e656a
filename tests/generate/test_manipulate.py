from functools import partial

import pytest

from stccl.errors import StcclError
from stccl.extract.picture import pictures
from stccl.spfem.manipulate import manipulate

CLIP = "toys-Ann-neutral-1-2"


@pytest.fixture
def change(project, params):
    """Manipulate `CLIP` to happy with the base, unless told otherwise."""
    return partial(
        manipulate,
        CLIP,
        project / "out" / "made.mp4",
        models=[project / "models/spfem/toy-base-1"],
        emotion="happy",
        reference=None,
        speaker=None,
        side_by_side=False,
        data=project / "data",
        params=params,
        progress=lambda done, total: None,
    )


def sizes(path):
    return {picture.shape for _, picture in pictures(path)}


def test_a_clip_is_changed(change, project):
    told = []
    assert change(progress=lambda *done: told.append(done)) == (10, 9)
    assert told == [(k, 10) for k in range(1, 11)]
    assert sizes(project / "out/made.mp4") == {(48, 64, 3)}


def test_a_reference_takes_the_place_of_an_emotion(change):
    assert change(emotion=None, reference="toys-Bob-happy-1-1") == (10, 9)


def test_side_by_side_shows_the_source_and_every_model_with_a_title(change, project):
    models = [project / "models/spfem" / name for name in ("toy-base-1", "toy-vd-1")]
    change(models=models, side_by_side=True)
    assert sizes(project / "out/made.mp4") == {(48 + 24, 3 * 64, 3)}
    last = [picture for _, picture in pictures(project / "out/made.mp4")][-1].astype(int)
    means = [last[30:, 64 * k + 8 : 64 * k + 56].mean() for k in range(3)]
    assert means == pytest.approx([190, 95, 95], abs=3)
    assert last[:20].mean() > 180  # mostly white, with some letters
    assert last[:20].min() < 120


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"emotion": "hapy"}, "no emotion 'hapy'"),
        ({"emotion": None}, "either an emotion or a reference"),
        ({"reference": CLIP}, "either an emotion or a reference"),
        ({"speaker": "toys-Zoe"}, "it shows toys-Zoe; the model draws toys-Ann, toys-Bob"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_leaves_nothing(change, project, wrong, message):
    with pytest.raises(StcclError, match=message):
        change(**wrong)
    assert not list(project.glob("out/*"))


def test_an_unknown_clip_or_ending_is_refused(change, project):
    arguments = change.keywords
    with pytest.raises(StcclError, match=r"nope\.mp4: neither a clip in .* nor a file"):
        manipulate("nope.mp4", project / "x.mp4", **arguments)
    with pytest.raises(StcclError, match=r"x\.avi: expected a name that ends in \.mp4"):
        manipulate(CLIP, project / "x.avi", **arguments)


def test_a_file_without_a_face_is_named(change, project):
    import numpy as np

    from stccl.video import write_video

    gray = [np.full((128, 128, 3), 90, np.uint8)] * 12
    file = project / "wall.mp4"
    write_video(file, gray, 25, project / f"{CLIP}.m4a")
    with pytest.raises(StcclError, match=r"wall\.mp4: no_face"):
        manipulate(str(file), project / "x.mp4", **change.keywords)
    silent = project / "silent.mp4"
    write_video(silent, gray, 25)
    with pytest.raises(StcclError, match=r"silent\.mp4: no_sound"):
        manipulate(str(silent), project / "x.mp4", **change.keywords)
    assert not (project / "x.mp4").exists()
