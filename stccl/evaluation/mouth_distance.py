"""How far a mouth's points are from where they should be."""

import numpy as np

from stccl.evaluation.clip_mean import ClipMean
from stccl.evaluation.mouth import MOUTH, aligned, inter_ocular
from stccl.evaluation.points import Points, two_clips


class MouthDistance(ClipMean):
    r"""Mean distance of 20 mouth landmarks, in distances of the eyes; at least 0, lower is better.

    .. math:: \frac{1}{T} \sum_t \frac{1}{20} \sum_{i=48}^{67}
        \frac{|A_t(g_{ti}) - r_{ti}|}{|r_{t,36} - r_{t,45}|}

    g, r: landmarks of the generated clip and of the reference, which is a true target or, as a
    measure of how much the mouth was changed, the source; :math:`A_t`: the similarity that best
    brings nose and corners of the eyes of g onto those of r, so that only the mouth's place and
    shape in the face count.

    Source: the mouth part of landmark distance as used for talking faces, such as Chen et al.
    (CVPR 2019), with the head's pose taken away.

    >>> import numpy as np
    >>> points = np.random.default_rng(0).normal(size=(3, 68, 2))
    >>> moved = 2 * points[:, :, ::-1] * [1, -1] + 5   # turned, twice as large
    >>> MouthDistance()(moved, points).round(decimals=6)
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
        found, target = two_clips(generated, reference)
        distance = np.linalg.norm(aligned(found, target) - target, axis=2)[:, MOUTH].mean(axis=1)
        distance /= inter_ocular(target)
        known = np.isfinite(distance)
        self._add(float(distance[known].mean()) if known.any() else None)
