"""The `targets` stage: what a perfect manipulation would have given, where that is known."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stccl.clip import Clip, read_clips
from stccl.download.card import CARDS, read_card
from stccl.download.stage import named
from stccl.generate.plan import plan
from stccl.generate.stage import sound_of
from stccl.params import Params
from stccl.runner import Runner
from stccl.tables.io import write_table


def run(data: Path, params: Params, runner: Runner, cards: Path = CARDS) -> str:
    """Film the true result of every manipulation of clips that were made.

    Real recordings have none: nobody says a sentence twice in the same time. Writes
    `<data>/targets/<source>-to-<emotion>.mp4` and, a row for each, `clips.parquet` beside them.

    Args:
        data: Holds `clips.parquet`.
        params: All parameters.
        runner: Spreads the work.
        cards: Folder of the datasets' cards.

    Returns:
        How many there are.

    Raises:
        StageError: Where a target cannot be made.
    """
    wanted = {
        (each.source.clip, each.emotion): (each.source, each.emotion, each.reference.level)
        for each in plan(read_clips(data), params.run.seed)
    }
    calls: list[tuple[Any, ...]] = []
    rows = []
    for source, emotion, level in wanted.values():
        card = read_card(source.dataset, cards)
        # Clips of a folder of one's own are used as they are, whoever made them.
        ours = (
            Path(params.datasets[source.dataset].root).absolute()
            == (cards / source.dataset).absolute()
        )
        if card.target is None or not ours:
            continue
        edition = card.edition(params.datasets[source.dataset].edition, source.dataset)
        path = data / "targets" / f"{source.clip}-to-{emotion}.mp4"
        calls.append((card.target, path, source, emotion, level, edition, params.run.seed, data))
        rows.append(
            {
                "source": source.clip,
                "emotion": emotion,
                "level": level,
                "media_path": path.relative_to(data.parent).as_posix(),
            }
        )
    for _ in runner.map(film, calls, sizes=[1] * len(calls)):
        pass
    write_table(data / "targets" / "clips.parquet", "targets", rows)
    return f"targets: {len(rows)} of {len(wanted)} manipulations have a known result"


def film(
    function: str,
    path: Path,
    source: Clip,
    emotion: str,
    level: int,
    edition: Mapping[str, Any],
    seed: int,
    data: Path,
) -> None:
    """Film one target by the function a card names."""
    make = named(source.dataset, "target", function)
    make(path, source, emotion, level, edition, seed, sound_of(source, data))
