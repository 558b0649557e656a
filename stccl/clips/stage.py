"""The `clips` stage: every dataset's clips in one table, each with its split and words."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stccl.clip import Clip, clips_of
from stccl.clips.protocol import assign, count_pairs
from stccl.download.card import CARDS, Card, read_card
from stccl.errors import StageError
from stccl.params import Params
from stccl.perclip import Rejection
from stccl.tables.io import read_table, write_table


@dataclass(frozen=True)
class ClipsSummary:
    """What there is to work on. `clips` and `pairs` are counts by split."""

    clips: Mapping[str, int]
    pairs: Mapping[str, int]
    rejections: tuple[Rejection, ...]

    def __str__(self) -> str:
        text = f"clips: {sum(self.clips.values())}"
        for split, count in sorted(self.clips.items()):
            text += f", {split} {count} ({self.pairs.get(split, 0)} pairs)"
        if self.rejections:
            text += f"; {len(self.rejections)} rejected (duplicate_id)"
        return text


def run(data: Path, params: Params, cards: Path = CARDS) -> ClipsSummary:
    """Write `<data>/clips.parquet` and `<data>/clips_rejected.parquet`.

    Of clips with the same id the first by path is kept. Only the speakers of `params.datasets` are
    kept, and each clip gets its split and words by the dataset's protocol.

    Raises:
        StageError: Where no speaker is left to train or to test the metric on.
        ParamsError: For an unknown protocol.
    """
    clips: list[Clip] = []
    rejections: list[Rejection] = []
    for name, dataset in sorted(params.datasets.items()):
        found = clips_of(read_table(data / "index" / f"{name}.parquet", "clips"))
        if dataset.speakers != "all":
            found = [clip for clip in found if clip.speaker in dataset.speakers]
        kept, twice = _without_duplicates(found)
        protocol = read_card(name, cards).protocol(dataset.protocol, name)
        clips += assign(kept, protocol, params.run.seed)
        rejections += twice
    clips.sort(key=lambda clip: clip.clip)
    pairs = count_pairs(clips)
    for split in ("metric-train", "metric-test"):
        if not pairs[split]:
            raise StageError(_nothing_for(split, clips, params, cards))
    provenance = {"stage": "clips"}
    write_table(data / "clips.parquet", "clips", map(vars, clips), provenance)
    write_table(data / "clips_rejected.parquet", "rejected", map(vars, rejections), provenance)
    return ClipsSummary(Counter(clip.split for clip in clips), pairs, tuple(rejections))


def _without_duplicates(clips: Sequence[Clip]) -> tuple[list[Clip], list[Rejection]]:
    kept: dict[str, Clip] = {}
    rejections = []
    for clip in sorted(clips, key=lambda clip: (clip.clip, clip.media_path)):
        first = kept.setdefault(clip.clip, clip)
        if first is not clip:
            rejections.append(
                Rejection(
                    clip.clip,
                    "duplicate_id",
                    f"{clip.media_path} is called the same as {first.media_path}, which is used",
                    "remove one of them, or tell them apart by a `take` in the card's pattern",
                    clip.sha256,
                )
            )
    return list(kept.values()), rejections


def _nothing_for(split: str, clips: Sequence[Clip], params: Params, cards: Path) -> str:
    """Why there is no pair of this split, and what would help; one line."""
    reasons = []
    for name, dataset in sorted(params.datasets.items()):
        card = read_card(name, cards)
        own = [clip for clip in clips if clip.dataset == name]
        speakers = sorted({clip.speaker for clip in own})
        if any(clip.split == split for clip in own):
            why = f"no speaker says the same words in neutral and in another emotion in {split}"
        else:
            why = f"none of the speakers {_some(speakers)} is a {split} speaker"
        helping = _protocols_with_pairs(own, card, params.run.seed)
        advice = (
            f"set datasets.{name}.protocol: {' or '.join(helping)}"
            if helping
            else "add neutral and emotional clips of the same sentences by two speakers at least"
        )
        reasons.append(f"{name}: {why} under protocol {dataset.protocol}; {advice}")
    return "; ".join(reasons)


def _protocols_with_pairs(clips: Sequence[Clip], card: Card, seed: int) -> list[str]:
    def works(name: str) -> bool:
        pairs = count_pairs(assign(clips, card.protocols[name], seed))
        return bool(pairs["metric-train"] and pairs["metric-test"])

    return [name for name in card.protocols if works(name)]


def _some(speakers: Sequence[str], most: int = 6) -> str:
    shown = " ".join(speakers[:most])
    return shown if len(speakers) <= most else f"{shown} … ({len(speakers)} in all)"
