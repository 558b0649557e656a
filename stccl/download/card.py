"""Dataset cards: what a dataset is, where it comes from and how its files are named, as data.

Adding a regular dataset takes one `datasets/<name>/card.yaml` and no code.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from string import Formatter
from typing import Any, Literal, Self
from urllib.parse import unquote, urlsplit

from pydantic import Field, PositiveInt, field_validator, model_validator

from stccl.clip import EMOTIONS
from stccl.errors import ParamsError
from stccl.params import read_yaml
from stccl.section import Section

CARDS = Path("datasets")
"""Where cards lie: `datasets/<name>/card.yaml`, beside `params.yaml`."""

_REQUIRED_GROUPS = ("speaker", "emotion", "sentence")


class RemoteFile(Section):
    """One file to download. Without a checksum its first download is recorded and trusted."""

    url: str = Field(pattern=r"^https?://[^/]+/.*[^/]$")
    bytes: PositiveInt | None = None
    sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    md5: str | None = Field(default=None, pattern="^[0-9a-f]{32}$")
    unpack: bool = Field(default=False, description="A zip or tar whose members are the clips.")
    speakers: tuple[str, ...] | Literal["all"] = Field(
        default="all", description="Only fetched where one of them is asked for."
    )

    @property
    def name(self) -> str:
        """Its file name, the last part of the address."""
        return unquote(urlsplit(self.url).path).rsplit("/", 1)[-1]


class WordsException(Section):
    """Speakers whose recordings of one emotion are numbered differently.

    Attributes:
        ids: Sentence as numbered here -> sentence of `same` with the same words. It stands in
            place of `same` for these speakers and this emotion.
    """

    speakers: tuple[str, ...] = Field(min_length=1)
    emotion: str
    ids: dict[str, str] = Field(min_length=1)


class Words(Section):
    """Which clips of a speaker say the same words: equal sentence ids, or only the `same` ones."""

    by_id: bool = False
    same: tuple[str, ...] = ()
    exceptions: tuple[WordsException, ...] = ()

    @model_validator(mode="after")
    def _one_rule(self) -> Self:
        if self.by_id == bool(self.same):
            raise ValueError("expected either `by_id: true` or a list `same`")
        for exception in self.exceptions:
            if strange := sorted(set(exception.ids.values()) - set(self.same)):
                raise ValueError(f"exceptions.ids: expected ids of `same`, got {strange}")
        return self

    def of(self, speaker: str, emotion: str, sentence: str) -> str:
        """What is said: equal for equal words, empty where it is not known."""
        if self.by_id:
            return sentence
        for exception in self.exceptions:
            if speaker in exception.speakers and emotion == exception.emotion:
                return exception.ids.get(sentence, "")
        return sentence if sentence in self.same else ""


class Split(Section):
    """What each speaker's clips are used for. A speaker named nowhere is `unused`.

    Attributes:
        spfem: Clips of these go to `spfem-train` and `spfem-test`.
        spfem_test_sentences: All clips of theirs with one of these sentences are test clips, and
            no other is, so that a test's words were never heard in training.
        spfem_test_fraction: Without such sentences, the chance of a clip to be a test clip.
        by_speaker: Of all other speakers that have a pair, this fraction is held out as
            `metric-test` (at least one where no `metric-test` is named); the rest is
            `metric-train`.
    """

    metric_train: tuple[str, ...] = Field(default=(), alias="metric-train")
    metric_test: tuple[str, ...] = Field(default=(), alias="metric-test")
    spfem: tuple[str, ...] = ()
    spfem_test_sentences: tuple[str, ...] = ()
    spfem_test_fraction: float = Field(default=0.1, gt=0, lt=1)
    by_speaker: float | None = Field(default=None, ge=0, lt=1)

    @model_validator(mode="after")
    def _disjoint(self) -> Self:
        named = [*self.metric_train, *self.metric_test, *self.spfem]
        if twice := sorted({speaker for speaker in named if named.count(speaker) > 1}):
            raise ValueError(f"expected every speaker once, got {', '.join(twice)} twice")
        if not named and self.by_speaker is None:
            raise ValueError("expected lists of speakers or `by_speaker`, got neither")
        return self


class ProtocolCard(Section):
    """One way to use a dataset. Clips of other emotions or levels are `unused`.

    Attributes:
        levels: Intensities used; neutral clips, which have none, are used in any case.
    """

    about: str
    words: Words
    split: Split
    emotions: tuple[str, ...] = EMOTIONS
    levels: tuple[PositiveInt, ...] | Literal["all"] = "all"


class Ask(Section):
    """Data that cannot be fetched: what a person has to do, step by step."""

    steps: tuple[str, ...] = Field(min_length=1)


class Card(Section):
    """`datasets/<name>/card.yaml`.

    Attributes:
        fetch: Files to download; or
        ask: what to do to get the data; or
        generate: `<module>:<function>` that makes the clips, called as
            `function(folder, speakers, edition, seed, runner)`.
        target: `<module>:<function>` that makes what a perfect manipulation of a made clip would
            be, called as `function(path, clip, emotion, level, edition, seed, sound)`.
        editions: How much it can make: by name, what `function` is given as `edition`.
        pattern: Regular expression that a picture file's path, relative to the root and with
            forward slashes, matches as a whole. Its named groups `speaker`, `emotion`,
            `sentence` (and, where there are such, `level` and `take`) say what the clip is.
        audio: Where the sound of a clip lies, relative to the root, with groups of `pattern` in
            braces; without it, in the picture file.
        codes: By group, how the files spell a value -> what it means.
        emotions: Every emotion there is.
    """

    name: str = Field(min_length=1)
    licence: str = Field(min_length=1)
    citation: str = Field(min_length=1)
    homepage: str = ""
    fetch: tuple[RemoteFile, ...] | None = Field(default=None, min_length=1)
    ask: Ask | None = None
    generate: str | None = Field(default=None, pattern=r"^[\w.]+:\w+$")
    target: str | None = Field(default=None, pattern=r"^[\w.]+:\w+$")
    editions: dict[str, dict[str, Any]] = Field(default_factory=dict)
    pattern: str
    audio: str | None = None
    codes: dict[str, dict[str, str]] = Field(default_factory=dict)
    emotions: tuple[str, ...] = Field(default=EMOTIONS, min_length=1)
    protocols: dict[str, ProtocolCard] = Field(min_length=1)

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            groups = re.compile(pattern).groupindex
        except re.error as error:
            raise ValueError(f"expected a regular expression, got {pattern!r}: {error}") from None
        if missing := [group for group in _REQUIRED_GROUPS if group not in groups]:
            raise ValueError(
                f"expected named groups (?P<name>…) {', '.join(_REQUIRED_GROUPS)}, got none "
                f"named {', '.join(missing)}"
            )
        return pattern

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        ways = [k for k in ("fetch", "ask", "generate") if getattr(self, k) is not None]
        if len(ways) != 1:
            raise ValueError(
                f"expected one of fetch, ask, generate, got {' and '.join(ways) or 'none'}"
            )
        if bool(self.editions) != (self.generate is not None):
            raise ValueError("expected editions exactly where clips are made (generate)")
        if self.target is not None and self.generate is None:
            raise ValueError("expected target only where clips are made (generate)")
        groups = set(re.compile(self.pattern).groupindex)
        if strange := set(self.codes) - groups:
            raise ValueError(
                f"codes: expected groups of pattern ({', '.join(sorted(groups))}), got "
                f"{', '.join(sorted(strange))}"
            )
        fields = {name for _, name, _, _ in Formatter().parse(self.audio or "") if name is not None}
        if fields - groups:
            raise ValueError(
                f"audio: expected groups of pattern in braces, got {sorted(fields - groups)}"
            )
        self._check_emotions("codes.emotion", self.codes.get("emotion", {}).values())
        for name, protocol in self.protocols.items():
            if "emotions" in protocol.model_fields_set:
                self._check_emotions(f"protocols.{name}.emotions", protocol.emotions)
            self._check_emotions(
                f"protocols.{name}.words.exceptions",
                [exception.emotion for exception in protocol.words.exceptions],
            )
        return self

    def _check_emotions(self, key: str, emotions: Any) -> None:
        if strange := sorted(set(emotions) - set(self.emotions)):
            raise ValueError(
                f"{key}: expected some of {', '.join(self.emotions)}, got {', '.join(strange)}"
            )

    def protocol(self, name: str, dataset: str) -> ProtocolCard:
        """The protocol of that name.

        Raises:
            ParamsError: Naming those there are.
        """
        if name not in self.protocols:
            raise ParamsError(
                f"datasets.{dataset}.protocol: expected one of {', '.join(self.protocols)}, "
                f"got {name!r}"
            )
        return self.protocols[name]

    def edition(self, chosen: str | Mapping[str, Any] | None, dataset: str) -> Mapping[str, Any]:
        """What to make: an edition of that name, the values given, or the first edition.

        Raises:
            ParamsError: Naming the editions there are.
        """
        if not self.editions and chosen is not None:
            raise ParamsError(
                f"datasets.{dataset}.edition: expected none, as these clips are not made, "
                f"got {chosen!r}"
            )
        if isinstance(chosen, str) and chosen not in self.editions:
            raise ParamsError(
                f"datasets.{dataset}.edition: expected one of {', '.join(self.editions)}, or the "
                f"values of one, got {chosen!r}"
            )
        if chosen is None:
            return next(iter(self.editions.values()))
        return self.editions[chosen] if isinstance(chosen, str) else chosen


def read_card(name: str, cards: Path = CARDS) -> Card:
    """The card of a dataset, checked.

    Raises:
        ParamsError: For a dataset without a card, or naming the key that is wrong, what was
            expected and what came.
    """
    path = cards / name / "card.yaml"
    if not path.is_file():
        known = sorted(found.parent.name for found in cards.glob("*/card.yaml"))
        raise ParamsError(
            f"datasets.{name}: expected one of {', '.join(known) or '(no cards found)'}, or write "
            f"{path.as_posix()} (docs/datasets.md says how)"
        )
    values = read_yaml(path)
    if number := _number_as_key(values):
        raise ParamsError(f"{path}: {number}: expected text as key, got a number; put it in quotes")
    return Card.parse(values, where=str(path))


def _number_as_key(values: Any, where: str = "") -> str:
    """The first key that YAML read as something else than text: 05 would become 5."""
    if isinstance(values, Mapping):
        for key, value in values.items():
            if not isinstance(key, str):
                return f"{where}{key}"
            if found := _number_as_key(value, f"{where}{key}."):
                return found
    elif isinstance(values, list):
        for index, value in enumerate(values):
            if found := _number_as_key(value, f"{where}{index}."):
                return found
    return ""
