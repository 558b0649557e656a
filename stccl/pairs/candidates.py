"""Which clips are worth warping onto each other."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from stccl.clip import Clip
from stccl.fingerprint import fingerprint

_MAX_KEY_BYTES = 200  # file systems allow 255; temporary names and endings need the rest


@dataclass(frozen=True)
class Candidate:
    """Two clips of one speaker that should say the same words.

    Attributes:
        source: The neutral reading.
        target: The emotional reading.
    """

    source: Clip
    target: Clip

    @property
    def key(self) -> str:
        """`<source>~<target>`; of very long ids the beginning and a hash, safe as a file name."""
        key = f"{self.source.clip}~{self.target.clip}"
        if len(key.encode()) <= _MAX_KEY_BYTES:
            return key
        mark = fingerprint(source=self.source.clip, target=self.target.clip)
        start = key.encode()[: _MAX_KEY_BYTES - len(mark) - 1].decode(errors="ignore")
        return f"{start}~{mark}"


def candidates(clips: Iterable[Clip]) -> list[Candidate]:
    """One pair for every emotional clip that has a neutral counterpart, sorted by key.

    A counterpart has the same dataset, speaker, non-empty `words` and split: a pair across two
    splits would let training see what is tested, so it is never made. Among several counterparts
    the same take wins, then the same sentence id, then the first by clip id. There are thus at
    most as many pairs as emotional clips, every neutral take of a dataset like RAVDESS is used,
    and none of them is repeated with all repetitions of the others.
    """
    neutral: defaultdict[tuple[str, ...], list[Clip]] = defaultdict(list)
    emotional: list[Clip] = []
    for clip in clips:
        if not clip.words:
            continue
        if clip.emotion == "neutral":
            neutral[_group(clip)].append(clip)
        else:
            emotional.append(clip)
    pairs = [
        Candidate(_closest(sources, target), target)
        for target in emotional
        if (sources := neutral.get(_group(target)))
    ]
    return sorted(pairs, key=lambda pair: pair.key)


def _group(clip: Clip) -> tuple[str, ...]:
    return (clip.dataset, clip.speaker, clip.words, clip.split)


def _closest(sources: list[Clip], target: Clip) -> Clip:
    return min(
        sources,
        key=lambda source: (
            source.take != target.take,
            source.sentence != target.sentence,
            source.clip,
        ),
    )
