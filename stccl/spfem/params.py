"""Settings of the `pretrain` and `spfem` stages."""

from pydantic import Field, field_validator

from stccl.section import Section
from stccl.spfem.ned.params import NedParams
from stccl.spfem.registry import BACKBONES
from stccl.spfem.supervision import SUPERVISIONS


class SpfemParams(Section):
    """Which models are trained, and how."""

    backbone: str = Field(description="The kind of model: ned.")
    supervisions: tuple[str, ...] = Field(
        min_length=1, description="Rows of the tables: base, vd, cm and the ablations."
    )
    seeds: tuple[int, ...] = Field(min_length=1, description="Each row is trained with each.")
    ned: NedParams

    @field_validator("backbone")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in BACKBONES:
            raise ValueError(f"expected one of {', '.join(BACKBONES)}, got {name!r}")
        return name

    @field_validator("supervisions")
    @classmethod
    def _rows(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in SUPERVISIONS or names.count(name) > 1:
                raise ValueError(
                    f"expected some of {', '.join(SUPERVISIONS)}, each once, got {name!r}"
                )
        return names

    @field_validator("seeds")
    @classmethod
    def _seeds(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if min(seeds) < 0 or len({*seeds}) < len(seeds):
            raise ValueError(f"expected different numbers from 0 on, got {list(seeds)}")
        return seeds
