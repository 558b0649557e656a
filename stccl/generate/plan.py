"""Which clip is given which emotion, after which example."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from stccl.clip import Clip
from stccl.clips.protocol import NEUTRAL, draw

Setting = Literal["intra", "cross"]
"""Intra-ID: the example of the emotion is the speaker's own. Cross-ID: another speaker's."""


@dataclass(frozen=True)
class Manipulation:
    """One clip to be made.

    Attributes:
        source: What is manipulated; its words and its sound stay.
        emotion: What its face is to show.
        setting: Whose example it follows.
        reference: The example, a training clip with other words.
        target: The speaker really saying these words in the emotion; None where nobody did.
    """

    source: Clip
    emotion: str
    setting: Setting
    reference: Clip
    target: Clip | None

    @property
    def name(self) -> str:
        """`<source>-to-<emotion>-<setting>`, safe as a file name."""
        return f"{self.source.clip}-to-{self.emotion}-{self.setting}"


def plan(clips: Sequence[Clip], seed: int) -> list[Manipulation]:
    """The manipulations of every test clip, in the order of their names.

    As in the papers, neutral clips of `spfem-test` are given each emotion. One emotional clip of
    the same words, drawn by the seed, is made neutral. The reference is drawn from the clips of
    `spfem-train` in that emotion, of the strongest level there is: the speaker's own (intra-ID) or
    those of the next of the dataset's SPFEM speakers, by name, who has one (cross-ID). What has no
    reference is left out.

    Source: ASCCL (CVPR 2024), Section 5.2; the pairs of speakers are in no paper.
    """
    tests = [clip for clip in clips if clip.split == "spfem-test"]
    training = [clip for clip in clips if clip.split == "spfem-train"]
    found = []
    for source, emotion in _changes(tests, seed):
        target = _strongest(
            clip
            for clip in tests
            if clip.words
            and (clip.dataset, clip.speaker, clip.words, clip.emotion)
            == (source.dataset, source.speaker, source.words, emotion)
        )
        examples = [c for c in training if (c.dataset, c.emotion) == (source.dataset, emotion)]
        for setting, speaker in (
            ("intra", source.speaker),
            ("cross", _next_speaker(source.speaker, {clip.speaker for clip in examples})),
        ):
            own = [clip for clip in examples if clip.speaker == speaker]
            level = max((clip.level for clip in own), default=0)
            strong = [clip for clip in own if clip.level == level]
            if strong:
                reference = min(strong, key=lambda c: draw(seed, source.clip, emotion, c.clip))
                found.append(
                    Manipulation(
                        source, emotion, "intra" if setting == "intra" else "cross", reference,
                        target,
                    )
                )  # fmt: skip
    return sorted(found, key=lambda manipulation: manipulation.name)


def _changes(tests: Sequence[Clip], seed: int) -> Iterable[tuple[Clip, str]]:
    emotions = {clip.emotion for clip in tests}
    for source in tests:
        others = [
            clip
            for clip in tests
            if (clip.dataset, clip.speaker, clip.words)
            == (source.dataset, source.speaker, source.words)
            and clip.emotion != NEUTRAL
        ]
        if source.emotion == NEUTRAL:
            yield from ((source, emotion) for emotion in sorted(emotions - {NEUTRAL}))
        elif source == min(others, key=lambda clip: draw(seed, clip.clip)):
            yield source, NEUTRAL


def _next_speaker(speaker: str, others: set[str]) -> str | None:
    """The first of the others after the speaker by name, and then from the beginning."""
    return min(others - {speaker}, key=lambda name: (name < speaker, name), default=None)


def _strongest(clips: Iterable[Clip]) -> Clip | None:
    return max(clips, key=lambda clip: (clip.level, clip.clip), default=None)
