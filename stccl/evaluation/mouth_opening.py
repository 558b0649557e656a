"""Whether a mouth opens when the source's does."""

from stccl.evaluation.clip_mean import ClipMean
from stccl.evaluation.mouth import opening, pearson
from stccl.evaluation.points import Points, two_clips, with_faces


class MouthOpening(ClipMean):
    r"""Correlation over time of two mouths' openings; in [-1, 1], higher is better.

    .. math:: \operatorname{corr}_t(o_t, s_t), \quad
        o_t = \frac{1}{3 \, |p_{36} - p_{45}|} \sum_{i=0}^{2} |p_{61+i} - p_{67-i}|

    o: opening of the generated mouth, s: of the source's; p: landmarks of frame t. An emotion that
    opens a mouth further, or less, all the time changes nothing. A clip in which a mouth never
    moves is left out.

    Source: the project's own; the opening is the inner-lip part of the mouth aspect ratio of
    Soukupová and Čech (CVWW 2016) for eyes.

    >>> import numpy as np
    >>> points = np.zeros((4, 68, 2)); points[:, 45, 0] = 90
    >>> points[:, 65:68, 1] = np.array([[2], [8], [5], [3]])
    >>> wider = points.copy(); wider[:, 65:68, 1] *= 2
    >>> MouthOpening()(wider, points).round(decimals=6)
    tensor(1., dtype=torch.float64)
    """

    higher_is_better = True

    def update(self, generated: Points, source: Points) -> None:
        """Add a clip.

        Args:
            generated: (T, 68, 2) landmarks in px; NaN where a frame has no face.
            source: Those of the source, frame by frame.

        Raises:
            ValueError: For other shapes.
        """
        both = two_clips(generated, source)
        known = with_faces(*both)
        self._add(pearson(*(opening(points[known]) for points in both)))
