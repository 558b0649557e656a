"""Settings of a dataset: where its clips are and by which protocol they are used."""

from typing import Any, Literal

from pydantic import Field

from stccl.section import Section

Speakers = tuple[str, ...] | Literal["all"]


class DatasetParams(Section):
    """One entry under `datasets`, named like its folder `datasets/<name>/`."""

    root: str = Field(
        min_length=1,
        description="Your folder with the clips; or the dataset's own "
        "`datasets/<name>` to have it fetched or made as its card says.",
    )
    protocol: str = Field(
        description="One of the card's protocols: how sentences match and speakers are split."
    )
    speakers: Speakers = Field(default="all", description="Use (and fetch or make) only these.")
    # Not `size`: DVC leaves keys of that name out when it looks for an earlier run to restore.
    edition: str | dict[str, Any] | None = Field(
        default=None,
        description="How much to make, where clips are made: one of the card's editions, or the "
        "values of one; without it, the card's first.",
    )
