"""How far a mouth's movement is from what it should be, wherever the mouth rests."""

import numpy as np

from stccl.align.template import canonical_points
from stccl.evaluation.clip_mean import ClipMean
from stccl.evaluation.mouth import MOUTH, aligned, inter_ocular
from stccl.evaluation.points import Points, two_clips


class MouthMovement(ClipMean):
    r"""Mean distance of what 20 mouth landmarks do, in distances of the eyes; lower is better.

    .. math:: \frac{1}{T} \sum_t \frac{1}{20} \sum_{i=48}^{67}
        \frac{|(g_{ti} - \bar g_i) - (r_{ti} - \bar r_i)|}{|c_{36} - c_{45}|}

    g, r: landmarks of the generated clip and of the reference (the source, or a true target), each
    frame brought onto the canonical face c by the similarity that fits nose and corners of the eyes
    best; a bar: their mean over the T frames in which both show a face.

    An emotion may rest the mouth elsewhere, as a smile does, while the words ask for the same
    movement; so may an error in the estimate of who somebody is. `MouthDistance` counts both, this
    counts the movement alone. Head and place in the picture do not matter.

    >>> import numpy as np
    >>> points = np.random.default_rng(0).normal(size=(3, 68, 2))
    >>> smile = np.where(np.arange(68)[:, None] >= 48, [0.0, -0.2], 0.0)
    >>> MouthMovement()(points, points).round(decimals=6)
    tensor(0., dtype=torch.float64)
    >>> still = np.broadcast_to(points[:1], points.shape)
    >>> MouthMovement()(still + smile, still).round(decimals=6)
    tensor(0., dtype=torch.float64)
    """

    higher_is_better = False

    def update(self, generated: Points, reference: Points) -> None:
        """Add a clip.

        Args:
            generated: (T, 68, 2) landmarks in px; NaN where a frame has no face.
            reference: Those of the reference, frame by frame.

        Raises:
            ValueError: For other shapes.
        """
        face = canonical_points()
        found, target = (
            aligned(points, np.broadcast_to(face, points.shape))[:, MOUTH]
            for points in two_clips(generated, reference)
        )
        known = np.isfinite(found - target).all(axis=(1, 2))
        if not known.any():
            self._add(None)
            return
        found, target = (points[known] - points[known].mean(axis=0) for points in (found, target))
        self._add(float(np.linalg.norm(found - target, axis=2).mean() / inter_ocular(face)))
