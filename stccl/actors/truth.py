"""What is known of a take because it was made: tables beside the clips, in `truth/`.

`frames/<take>.parquet` has a row per frame, `phonemes/<take>.parquet` one per phoneme,
`maps/<speaker>-<sentence>.parquet` one per frame of every ordered pair of takes of a sentence;
their columns are in `stccl.tables.schemas`. A take is `<speaker>-<emotion>-<level>-<sentence>`.
"""

from collections.abc import Mapping, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from stccl.actors.performance import Motion, PhonemeRow, Take, time_map
from stccl.tables.io import write_table

Array = npt.NDArray[Any]


def write_phonemes(
    path: Path, phonemes: Sequence[PhonemeRow], provenance: Mapping[str, Any]
) -> None:
    """A row per phoneme."""
    write_table(path, "truth_phonemes", (row._asdict() for row in phonemes), provenance)


def write_frames(
    path: Path,
    times_s: Array,
    motion: Motion,
    points_px: Array,
    provenance: Mapping[str, Any],
) -> None:
    """A row per frame.

    Args:
        path: The table.
        times_s: (T,) when each frame is.
        motion: What the face does then.
        points_px: (T, 68, 2) landmarks, the middle of the first pixel at 0.
        provenance: Beside the fingerprint, what does not change in a clip: camera, identity and
            the names of expressions and visemes.
    """
    parts = {name: values.reshape(len(times_s), -1) for name, values in motion._asdict().items()}
    rows = (
        {
            "frame": frame,
            "time_s": float(times_s[frame]),
            "points": points_px[frame].ravel(),
            **{name: values[frame] for name, values in parts.items()},
        }
        for frame in range(len(times_s))
    )
    write_table(path, "truth_frames", rows, provenance)


def write_maps(
    path: Path, takes: Sequence[Take], fps: float, provenance: Mapping[str, Any]
) -> None:
    """The true frame map from every take of a sentence to every other one.

    Args:
        path: The table.
        takes: Of one speaker and sentence.
        fps: Frame rate of all of them.
        provenance: See `write_frames`.
    """
    write_table(path, "truth_maps", _map_rows(takes, fps), provenance)


def _map_rows(takes: Sequence[Take], fps: float) -> Any:
    for source, target in permutations(takes, 2):
        knots = time_map(source, target)
        times_s = np.interp(source.frame_times_s(fps), knots[:, 0], knots[:, 1])
        for frame, time_s in enumerate(times_s):
            yield {
                "source_emotion": source.emotion,
                "source_level": source.level,
                "target_emotion": target.emotion,
                "target_level": target.level,
                "source_frame": frame,
                "target_frame": float(time_s * fps),
            }
