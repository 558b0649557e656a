"""What the judges are shown of a clip."""

from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import Tensor

from stccl.evaluation.seen import Seen, see
from stccl.experts.experts import Experts
from stccl.extract.picture import at_constant_rate, pictures
from stccl.params import Params
from stccl.prepare import CLIP, prepare_picture


def see_file(file: Path, params: Params) -> Seen:
    """A file, brought as far as the stages would bring it.

    Raises:
        StcclError: Where it shows no face.
    """
    with TemporaryDirectory() as scratch:
        prepare_picture(file, Path(scratch), params)
        return see(Path(scratch), CLIP)


def pictures_of(file: Path, params: Params) -> Tensor:
    """(T, 3, H, W) of a file's frames at the pipeline's rate, RGB in [-1, 1]."""
    frames = [f.image for f in at_constant_rate(pictures(file), params.extract.frame_rate_hz)]
    return torch.from_numpy(np.stack(frames)).movedim(-1, 1).float() / 127.5 - 1


@lru_cache(maxsize=1)
def experts(folder: Path) -> Experts:
    """The judges, read once per process."""
    return Experts.load(folder)
