"""How far generated pictures are from those of a true target."""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.functional.image import structural_similarity_index_measure

from stccl.evaluation.mouth import inter_ocular
from stccl.evaluation.points import Points, two_clips, with_faces

_RANGE = 2.0  # of values in [-1, 1]
_FRAMES_AT_ONCE = 1  # what lies between two sums then stays in the cache: 2.5 times as fast as 16


class TargetError(Metric):
    r"""Error to a target that shows what a perfect manipulation would have given, frame by frame.

    * `psnr_db`: :math:`10 \log_{10}(2^2 / \operatorname{mse})`, the mean squared error taken over
      all pictures; higher is better, infinite for equal pictures.
    * `ssim`: structural similarity with a Gaussian window of 1.5 px, mean over pictures; in
      [-1, 1], higher is better.
    * `landmark_error`: mean distance of the 68 landmarks over the target's distance of the outer
      eye corners, mean over frames with a face in both; at least 0, lower is better.

    Only made clips have such a target: `stccl.actors` films the same words with another face.

    Source: Wang et al., Image quality assessment (IEEE TIP 13(4), 2004) for `ssim`.

    >>> import numpy as np
    >>> images, points = torch.zeros(2, 3, 32, 32), np.random.default_rng(0).normal(size=(2, 68, 2))
    >>> found = TargetError()(images + 0.2, images, points, points)
    >>> {name: round(float(value), 2) for name, value in found.items()}
    {'psnr_db': 20.0, 'ssim': 0.01, 'landmark_error': 0.0}
    """

    higher_is_better = None
    is_differentiable = False
    full_state_update = False
    squared: Tensor
    ssim: Tensor
    pictures: Tensor
    distance: Tensor
    faces: Tensor

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for name in ("squared", "ssim", "pictures", "distance", "faces"):
            self.add_state(name, torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(
        self, generated: Tensor, target: Tensor, generated_points: Points, target_points: Points
    ) -> None:
        """Add a clip.

        Args:
            generated: (T, 3, H, W) pictures, RGB in [-1, 1], H and W at least 11.
            target: Those of the target.
            generated_points: (T, 68, 2) landmarks in px; NaN where a frame has no face.
            target_points: Those of the target.

        Raises:
            ValueError: For other shapes.
        """
        if generated.ndim != 4 or generated.shape[1] != 3 or generated.shape != target.shape:
            raise ValueError(
                "expected pictures (T, 3, H, W) of one shape, got "
                f"{tuple(generated.shape)} and {tuple(target.shape)}"
            )
        both = two_clips(generated_points, target_points)
        if len(both[0]) != len(generated):
            raise ValueError(f"expected points of {len(generated)} frames, got {len(both[0])}")
        for start in range(0, len(generated), _FRAMES_AT_ONCE):
            a, b = (clip[start : start + _FRAMES_AT_ONCE].float() for clip in (generated, target))
            self.squared += ((a - b).double() ** 2).mean(dim=(1, 2, 3)).sum()
            ssim = structural_similarity_index_measure(a, b, data_range=_RANGE, reduction="none")
            assert isinstance(ssim, Tensor)
            self.ssim += ssim.double().sum()
        self.pictures += len(generated)
        known = with_faces(*both)
        found, true = (points[known] for points in both)
        distance = np.linalg.norm(found - true, axis=2).mean(axis=1) / inter_ocular(true)
        self.distance += float(distance.sum())
        self.faces += int(known.sum())

    def compute(self) -> dict[str, Tensor]:
        """The three errors over all clips."""
        return {
            "psnr_db": 10 * torch.log10(_RANGE**2 * self.pictures / self.squared),
            "ssim": self.ssim / self.pictures,
            "landmark_error": self.distance / self.faces,
        }
