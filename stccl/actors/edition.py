"""How many takes to make."""

from itertools import count, islice
from typing import Annotated

from pydantic import Field

from stccl.actors.sentences import SENTENCES
from stccl.actors.voice import LEVEL_INTENSITY
from stccl.clip import EMOTIONS
from stccl.section import Section

Level = Annotated[int, Field(ge=1, le=max(LEVEL_INTENSITY))]


class Edition(Section):
    """One of the editions in `datasets/actors/card.yaml`."""

    speakers: int = Field(ge=1, le=1998, description="Men and women in turn.")
    emotions: tuple[str, ...] = Field(min_length=1, description="In MEAD's words.")
    levels: tuple[Level, ...] = Field(
        min_length=1, description="Intensities, 1 to 3; neutral has level 1 alone."
    )
    sentences: int = Field(ge=1, le=len(SENTENCES), description="The first ones.")
    side_px: int = Field(
        ge=64, le=1024, multiple_of=2, description="Of the picture, as high as it is wide."
    )

    @property
    def speaker_names(self) -> tuple[str, ...]:
        """M001, W001, M002 and so on."""
        names = (f"{sex}{number:03d}" for number in count(1) for sex in "MW")
        return tuple(islice(names, self.speakers))

    @property
    def sentence_ids(self) -> tuple[str, ...]:
        """The first of `SENTENCES`."""
        return tuple(islice(SENTENCES, self.sentences))

    @property
    def moods(self) -> tuple[tuple[str, int], ...]:
        """Emotion and level of the takes of one sentence, without repetition."""
        return tuple(
            dict.fromkeys(
                (emotion, level)
                for emotion in self.emotions
                for level in ((1,) if emotion == EMOTIONS[0] else self.levels)
            )
        )
