"""What each clip is used for, and which clips say the same words, by a card's protocol."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from stccl.clip import Clip
from stccl.download.card import ProtocolCard, Split

NEUTRAL = "neutral"
"""The emotion of a pair's source."""


def assign(clips: Sequence[Clip], protocol: ProtocolCard, seed: int) -> list[Clip]:
    """The clips of one dataset with `split` and `words` filled in, in the same order.

    No draw depends on which other clips there are: adding a clip changes no other clip's split.
    With `by_speaker`, which speakers are held out depends on which speakers have a pair.
    """
    spoken = [replace(clip, words=_words(clip, protocol)) for clip in clips]
    held_out = _held_out(spoken, protocol.split, seed)
    return [replace(clip, split=_split(clip, protocol, held_out, seed)) for clip in spoken]


def count_pairs(clips: Sequence[Clip]) -> Counter[str]:
    """Split -> number of (neutral source, emotional target) pairs: one speaker, equal words."""
    groups: dict[tuple[str, str, str, str], list[int]] = {}
    for clip in clips:
        if clip.words:
            key = (clip.dataset, clip.speaker, clip.words, clip.split)
            neutral_emotional = groups.setdefault(key, [0, 0])
            neutral_emotional[clip.emotion != NEUTRAL] += 1
    pairs: Counter[str] = Counter()
    for (_, _, _, split), (neutral, emotional) in groups.items():
        pairs[split] += neutral * emotional
    return +pairs


def draw(seed: int, *names: str) -> float:
    """A number in [0, 1) that depends on nothing but the seed and the names.

    >>> draw(42, "a") == draw(42, "a") != draw(43, "a")
    True
    """
    digest = hashlib.sha256("\0".join((str(seed), *names)).encode("utf-8", "surrogateescape"))
    return int.from_bytes(digest.digest()[:6], "big") / 2**48


def _used(clip: Clip, protocol: ProtocolCard) -> bool:
    if clip.emotion not in protocol.emotions:
        return False
    return protocol.levels == "all" or clip.emotion == NEUTRAL or clip.level in protocol.levels


def _words(clip: Clip, protocol: ProtocolCard) -> str:
    if not _used(clip, protocol):
        return ""
    return protocol.words.of(clip.speaker, clip.emotion, clip.sentence)


def _held_out(clips: Sequence[Clip], split: Split, seed: int) -> set[str]:
    """The speakers of `metric-test` under `by_speaker`."""
    if split.by_speaker is None:
        return set()
    named = {*split.metric_train, *split.metric_test, *split.spfem}
    # A speaker without a pair would leave nothing to judge the metric on.
    able = {
        speaker
        for speaker in {clip.speaker for clip in clips} - named
        if count_pairs([clip for clip in clips if clip.speaker == speaker])
    }
    dataset = clips[0].dataset if clips else ""
    drawn = sorted(able, key=lambda speaker: (draw(seed, dataset, speaker), speaker))
    least = 0 if split.metric_test else 1
    return set(drawn[: max(least, round(split.by_speaker * len(drawn)))])


def _tests_spfem(clip: Clip, split: Split, seed: int) -> bool:
    if split.spfem_test_sentences:
        return clip.sentence in split.spfem_test_sentences
    return draw(seed, clip.clip) < split.spfem_test_fraction


def _split(clip: Clip, protocol: ProtocolCard, held_out: set[str], seed: int) -> str:
    split = protocol.split
    if not _used(clip, protocol):
        return "unused"
    if clip.speaker in split.metric_train:
        return "metric-train"
    if clip.speaker in split.metric_test or clip.speaker in held_out:
        return "metric-test"
    if clip.speaker in split.spfem:
        return "spfem-test" if _tests_spfem(clip, split, seed) else "spfem-train"
    return "unused" if split.by_speaker is None else "metric-train"
