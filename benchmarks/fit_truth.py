"""How well do fitted faces follow the true ones, and where there is no truth, the lips?

    python -m benchmarks.fit_truth [data]

Reads what the stages up to `fit` made. On actors, whose every movement is known: how far the model
lies from the landmarks, how jaw and expression correlate over time with the true ones, take by
take, and by how much the head is turned wrongly. On other clips: the first of these, and how the
jaw goes with the opening of the lips. Movements with a standard deviation of less than 0.05 in a
take count as rest, and no landmark shows the tongue.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stccl.clip import Clip, read_clips
from stccl.fit.fitted import Fitted, read_fitted
from stccl.fit.models import face_model
from stccl.fit.projection import rotation_matrices
from stccl.tables.io import read_table

Array = NDArray[Any]
MOVES = 0.05
ACTORS = "actors"  # the dataset
HIDDEN = ("tongue_tip_up", "tongue_out")


class Follows(NamedTuple):
    """How one clip's fit goes with the truth; without a truth, `jaw` goes with the lips."""

    jaw: float
    expression: dict[str, float]
    turned_wrongly_degrees: Array


def read(data: Path) -> Iterator[tuple[Clip, Fitted, Array]]:
    """The fitted clips with the residual of every fitted frame."""
    for clip in read_clips(data):
        path = data / "faces3d" / f"{clip.clip}.parquet"
        if path.is_file():
            residual = read_table(path, "faces3d", ["residual"])["residual"].drop_null()
            yield clip, read_fitted(data, clip.clip), residual.to_numpy()


def truth(clip: Clip) -> Path:
    """The frames' truth beside an actor's take."""
    name = f"{clip.speaker}-{clip.emotion}-{clip.level}-{clip.sentence}.parquet"
    return Path(clip.media_path).parents[5] / "truth" / "frames" / name


def against_truth(clip: Clip, fitted: Fitted, data: Path) -> Follows:
    """A take, whose frames may be others than those of the film."""
    table = data / "frames" / f"{clip.clip}.parquet"
    times_s = read_table(table, "frames", ["source_time_s"])["source_time_s"].to_numpy()
    rows = pd.read_parquet(truth(clip))
    at = np.rint(times_s[fitted.frames] * clip.fps).astype(int).clip(0, len(rows) - 1)
    jaw, expression, rotation = (
        np.array(rows[name].to_list(), np.float64)[at] for name in ("jaw", "expression", "rotation")
    )
    found = fitted.coefficients
    names = face_model(fitted.model).expression_names
    one, other = (
        rotation_matrices(turn)[0] for turn in (found.rotation.double().numpy(), rotation)
    )
    cosine = (np.einsum("tij,tij->t", one, other) - 1) / 2
    return Follows(
        correlation(found.jaw[:, 0].numpy(), jaw[:, 0]),
        {
            name: correlation(found.expression[:, k].numpy(), expression[:, k])
            for k, name in enumerate(names)
            if expression[:, k].std() > MOVES and name not in HIDDEN
        },
        np.degrees(np.arccos(cosine.clip(-1, 1))),
    )


def against_lips(clip: Clip, fitted: Fitted, data: Path) -> Follows:
    """A real clip."""
    table = data / "landmarks" / f"{clip.clip}.parquet"
    rows = read_table(table, "landmarks", ["points"])["points"].take(fitted.frames).to_pylist()
    points = np.array(rows, np.float64).reshape(-1, 68, 2)
    lips, eyes = (
        np.linalg.norm(points[:, a] - points[:, b], axis=-1) for a, b in ((66, 62), (45, 36))
    )
    return Follows(correlation(fitted.coefficients.jaw[:, 0].numpy(), lips / eyes), {}, np.empty(0))


def correlation(one: Array, other: Array) -> float:
    """Pearson's; 0 where one does not move."""
    if one.std() == 0 or other.std() == 0:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])


def main() -> None:
    """Read and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fit_truth")
    parser.add_argument("data", nargs="?", type=Path, default=Path("data"))
    data = parser.parse_args().data
    found: dict[str, list[Follows]] = defaultdict(list)
    missed: dict[str, list[Array]] = defaultdict(list)
    for clip, fitted, residual in read(data):
        kind = "actors" if clip.dataset == ACTORS else "real clips"
        follow = against_truth if kind == "actors" else against_lips
        found[kind].append(follow(clip, fitted, data))
        missed[kind].append(residual)
    for kind, follows in found.items():
        off = 100 * float(np.median(np.concatenate(missed[kind])))
        print(f"{len(follows)} {kind}: {off:.1f} % of the eyes' distance off, median of frames")
        whose = "the true one" if kind == "actors" else "the lips"
        print(f"jaw and {whose}: {_summary([each.jaw for each in follows])}")
        if kind == "actors":
            _print_expressions(follows)
            wrong = np.concatenate([each.turned_wrongly_degrees for each in follows])
            print(f"heads turned wrongly by {wrong.mean():.1f} degrees on average")


def _print_expressions(follows: list[Follows]) -> None:
    by_name: dict[str, list[float]] = defaultdict(list)
    for each in follows:
        for name, match in each.expression.items():
            by_name[name].append(match)
    print(f"movements and true ones: {_summary([m for own in by_name.values() for m in own])}")
    for name, own in sorted(by_name.items(), key=lambda item: -float(np.median(item[1]))):
        print(f"  {name}: {_summary(own)}")


def _summary(matches: list[float]) -> str:
    return (
        f"correlation {np.median(matches):.3f} in the median, {np.mean(matches):.3f} on average, "
        f"of {len(matches)}"
    )


if __name__ == "__main__":
    main()
