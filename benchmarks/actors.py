"""Do the actors hold up? A detector that has never seen them, real faces and the truth decide.

    python -m benchmarks.actors [data] [--every 1] [--real data-of-real-clips]

Reads what the stages up to `extract` made of the actors. dlib's detector and predictor look at
every `--every`-th frame (lips touch for two or three): is a face found, how far are its points from
the truth, does the mouth that is measured move as the true one and close where it should, in every
emotion. All takes of a sentence are warped by their sound and compared with the true map. With the
data folder of real clips (of MEAD, run up to `extract`), a classifier of landmarks that has learnt
from one kind of face names the emotions of the other, and, for what can be expected of it, those of
speakers of its own kind that it has not seen.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from itertools import permutations
from pathlib import Path
from typing import Any, NamedTuple

import dlib
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from stccl.clip import Clip, read_clips
from stccl.extract.sound import read_sound
from stccl.face3d.head.head import Head
from stccl.landmarks.dlib68 import model_path
from stccl.pairs.path import align_speech
from stccl.params import Params, read_yaml
from stccl.tables.frames import FrameReader
from stccl.tables.io import read_table
from stccl.tables.png import decode_png

Array = NDArray[Any]
REGIONS = {
    "jaw": range(17), "brows": range(17, 27), "nose": range(27, 36), "eyes": range(36, 48),
    "mouth": range(48, 68),
}  # fmt: skip
STILL = [0, 1, 2, 14, 15, 16, *range(27, 37), 39, 42, 45]
"""Points that hardly move with the expression: sides of the face, nose, corners of the eyes."""
LIPS_TOUCH = ("p", "b", "m")
CLOSED = 0.15
EMOTIONS = ("neutral", "angry", "happy", "disgusted", "sad", "surprised")
NAMED = {
    "neutral": "neutral", "happy": "happy", "surprised": "surprised", "angry": "angry/disgusted",
    "disgusted": "angry/disgusted",
}  # fmt: skip


class Seen(NamedTuple):
    """What a detector found in a clip; points are NaN where it found no face."""

    clip: Clip
    times_s: Array
    points: Array


@cache
def _tools() -> tuple[Any, Any]:
    return dlib.get_frontal_face_detector(), dlib.shape_predictor(str(model_path()))


def look(clip: Clip, data: Path, every: int) -> Seen:
    """Detector and predictor on some frames of a clip."""
    detect, predict = _tools()
    table = data / "frames" / f"{clip.clip}.parquet"
    times_s = read_table(table, "frames", ["source_time_s"])["source_time_s"].to_numpy()[::every]
    points = np.full((len(times_s), 68, 2), np.nan)
    with FrameReader(table, "frames") as frames:
        for row in range(len(times_s)):
            image = decode_png(frames.png(row * every) or b"")
            if boxes := detect(image, 0):
                points[row] = [(p.x, p.y) for p in predict(image, boxes[0]).parts()]
    return Seen(clip, times_s, points)


def look_at_all(data: Path, every: int) -> list[Seen]:
    """Every clip of a data folder."""
    clips = read_clips(data)
    with ProcessPoolExecutor(2) as pool:
        return list(pool.map(look, clips, [data] * len(clips), [every] * len(clips)))


def eyes(points: Array) -> Array:
    """(T,) distance of the outer corners of the eyes."""
    return np.linalg.norm(points[:, 45] - points[:, 36], axis=-1)


def opening(points: Array) -> Array:
    """(T,) inner lips apart, over the distance of the eyes."""
    return np.linalg.norm(points[:, 66] - points[:, 62], axis=-1) / eyes(points)


def truth(clip: Clip, table: str) -> pd.DataFrame:
    """A table of the truth beside a take."""
    root = Path(clip.media_path).parents[5]
    name = f"{clip.speaker}-{clip.emotion}-{clip.level}-{clip.sentence}.parquet"
    return pd.read_parquet(root / "truth" / table / name)


def print_points(seen: list[Seen]) -> None:
    """Faces found, how far their points are from the truth, and how the mouth moves."""
    errors, matches, touched, frames = [], [], [], 0
    emotions, spoken_in = [], []
    for clip, times_s, points in seen:
        rows = truth(clip, "frames")
        true = np.stack(rows.points.to_numpy()).reshape(-1, 68, 2)
        true = true[np.rint(times_s * clip.fps).astype(int).clip(0, len(true) - 1)]
        face = ~np.isnan(points[:, 0, 0])
        frames += len(face)
        errors.append((np.linalg.norm(points - true, axis=-1) / eyes(true)[:, None])[face])
        measured, meant = opening(points), opening(true)
        matches.append(np.corrcoef(measured[face], meant[face])[0, 1])
        emotions.append(clip.emotion)
        spoken = truth(clip, "phonemes")
        for row in spoken[spoken.name.isin(LIPS_TOUCH)].itertuples():
            during = (times_s >= row.start_s) & (times_s <= row.end_s) & face
            if during.any():
                touched.append([_openness(of, during) < CLOSED for of in (measured, meant)])
                spoken_in.append(clip.emotion)
    error = 100 * np.concatenate(errors)
    print(f"face found in {100 * len(error) / frames:.2f} % of {frames} frames")
    print(f"points off, in % of the distance between the eyes: {error.mean():.2f} on average")
    print("  " + ", ".join(f"{k} {error[:, list(v)].mean():.2f}" for k, v in REGIONS.items()))
    print(
        f"mouth opening, measured and true: correlation {np.mean(matches):.3f} on average, "
        f"{100 * np.mean(np.array(matches) >= 0.9):.0f} % of takes at least 0.9"
    )
    shut = 100 * np.mean(touched, axis=0)
    print(
        f"below {100 * CLOSED:.0f} % open on {shut[0]:.1f} % of {len(touched)} p, b, m as "
        f"measured, on {shut[1]:.1f} % in truth"
    )
    follows = pd.Series(matches).groupby(emotions).mean()
    closes = 100 * pd.Series([seen_ for seen_, _ in touched]).groupby(spoken_in).mean()
    for emotion, match in follows.items():
        print(f"  {emotion}: correlation {match:.3f}, closed on {closes[emotion]:.0f} %")


def _openness(of: Array, during: Array) -> float:
    low, high = np.nanpercentile(of, [1, 99])
    return float((np.nanmin(of[during]) - low) / (high - low))


def print_maps(clips: list[Clip], data: Path, params: Params) -> None:
    """How well warping by sound finds the true frame map, for every ordered pair of takes."""
    of: dict[tuple[str, str], list[Clip]] = {}
    for clip in clips:
        of.setdefault((clip.speaker, clip.sentence), []).append(clip)
    shares, weights = {}, []
    for (speaker, sentence), takes in of.items():
        root = Path(takes[0].media_path).parents[5]
        maps = pd.read_parquet(root / "truth" / "maps" / f"{speaker}-{sentence}.parquet")
        for source, target in permutations(takes, 2):
            own = maps[
                (maps.source_emotion == source.emotion) & (maps.source_level == source.level)
                & (maps.target_emotion == target.emotion) & (maps.target_level == target.level)
            ]  # fmt: skip
            times_s = [_frame_times_s(clip, data) for clip in (source, target)]
            found = align_speech(
                read_sound(data, source.clip), read_sound(data, target.clip),
                sample_rate_hz=params.extract.sample_rate_hz, source_times_s=times_s[0],
                target_times_s=times_s[1], params=params.pairs,
            ).steps  # fmt: skip
            true_s = np.interp(
                times_s[0][found[:, 0]],
                own.source_frame / source.fps, own.target_frame / source.fps,
            )  # fmt: skip
            off = np.abs(times_s[1][found[:, 1]] - true_s) * params.extract.frame_rate_hz
            shares[source.clip, target.clip] = float((off <= 2).mean())
            weights.append(len(off))
    values = np.array(list(shares.values()))
    worst = min(shares, key=lambda pair: shares[pair])
    print(
        f"warped within 2 frames of the truth: {100 * np.average(values, weights=weights):.1f} % "
        f"of steps of {len(values)} pairs of takes; {100 * np.mean(values >= 0.9):.0f} % of pairs "
        f"at least 90 %; worst {worst[0]} to {worst[1]}: {100 * shares[worst]:.0f} %"
    )


def _frame_times_s(clip: Clip, data: Path) -> Array:
    table = read_table(data / "frames" / f"{clip.clip}.parquet", "frames", ["time_s"])
    return table["time_s"].to_numpy()


def print_emotions(actors: list[Seen], real: list[Seen]) -> None:
    """A classifier of landmarks that has learnt one kind of face, on the other."""
    kinds = {"real": _shapes(real), "actors": _shapes(actors)}
    for learnt, asked in (("real", "actors"), ("actors", "real")):
        shapes, emotions, _ = kinds[asked]
        said = _classifier(*kinds[learnt][:2]).predict(shapes)
        print(f"learnt from {learnt}, asked of {asked}: {_rates(emotions, said)}")
    for kind, (shapes, emotions, speakers) in kinds.items():
        said = np.empty_like(emotions)
        for speaker in set(speakers):
            own = speakers == speaker
            said[own] = _classifier(shapes[~own], emotions[~own]).predict(shapes[own])
        print(f"learnt from all {kind} but one speaker, asked of that: {_rates(emotions, said)}")


def _classifier(shapes: Array, emotions: Array) -> LinearDiscriminantAnalysis:
    count = len(set(emotions))
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.5, priors=[1 / count] * count)
    return model.fit(shapes, emotions)


def _rates(emotions: Array, said: Array) -> str:
    found = zip(emotions, said, strict=True)
    named = [(NAMED[is_], NAMED.get(said_)) for is_, said_ in found if is_ in NAMED]
    table = pd.DataFrame(named, columns=["true", "named"])
    rates = 100 * (table.true == table.named).groupby(table.true).mean()
    return (
        f"{rates.mean():.0f} % right over four emotions "
        f"({', '.join(f'{k} {v:.0f}' for k, v in rates.items())})"
    )


def _shapes(seen: list[Seen]) -> tuple[Array, Array, Array]:
    """(N, 136) points in the middle of clips, without the head's pose, less the speaker's calm.

    With them, the emotion and the speaker of each.
    """
    rows, emotions, speakers = [], [], []
    for clip, _, points in seen:
        if clip.emotion not in EMOTIONS:
            continue
        middle = points[len(points) // 4 : -len(points) // 4]
        for shape in middle[~np.isnan(middle[:, 0, 0])]:
            rows.append(_moved(shape))
            emotions.append(clip.emotion)
            speakers.append(clip.speaker)
    shapes, kind, who = np.array(rows), np.array(emotions), np.array(speakers)
    for speaker in set(speakers):
        calm = shapes[(who == speaker) & (kind == "neutral")].mean(axis=0)
        shapes[who == speaker] -= calm
    return shapes, kind, who


def _moved(shape: Array) -> Array:
    """(136,) how far points are from where the still ones put an average head's, upright, in eyes.

    A nod shifts brows and mouth in the picture as much as an emotion does, so the head's pose, as
    the points that no expression moves show it under parallel projection, is taken out.
    """
    average = _average_head()
    still = np.column_stack([average[STILL], np.ones(len(STILL))])
    stretched = np.linalg.lstsq(still, shape[STILL], rcond=None)[0][:3].T
    left, scales, right = np.linalg.svd(stretched, full_matrices=False)
    turn, scale = left @ right, scales.mean()
    shift = (shape[STILL] - scale * average[STILL] @ turn.T).mean(axis=0)
    off = (shape - scale * average @ turn.T - shift) / scale @ [1, 1j]
    upright = off * np.exp(-1j * np.arctan2(turn[1, 0], turn[0, 0]))
    return np.concatenate([upright.real, upright.imag])


@cache
def _average_head() -> Array:
    """(68, 3) points of the built-in head, y downwards, the eyes' outer corners 1 apart."""
    head = Head()
    calm = head.landmarks(head.mean[None])[0].numpy().astype(np.float64)
    return (calm - calm[STILL].mean(axis=0)) * [1, -1, 1] / np.linalg.norm(calm[45] - calm[36])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="?", default=Path("data"))
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--real", type=Path)
    options = parser.parse_args()
    params = Params.parse(read_yaml(Path("params.yaml")), where="params.yaml")
    actors = look_at_all(options.data, options.every)
    print_points(actors)
    print_maps([seen.clip for seen in actors], options.data, params)
    if options.real:
        print_emotions(actors, look_at_all(options.real, options.every))


if __name__ == "__main__":
    main()
