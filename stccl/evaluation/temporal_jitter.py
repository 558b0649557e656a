"""How much more a generated face shakes than its source."""

import numpy as np

from stccl.evaluation.clip_mean import ClipMean
from stccl.evaluation.mouth import inter_ocular
from stccl.evaluation.points import Floats, Points, two_clips, with_faces


class TemporalJitter(ClipMean):
    r"""Mean acceleration of the landmarks over that of the source's; 1 is as steady as the source.

    .. math:: \frac{a(g)}{a(s)}, \quad a(p) = \operatorname{mean}_{t,i}
        \frac{|p_{t+1,i} - 2 p_{t,i} + p_{t-1,i}|}{|p_{t,36} - p_{t,45}|}

    g, s: 68 landmarks of the generated and the source clip. At least 0; lower is steadier, and a
    face that moves less than its source comes out below 1. What head and mouth do in the source is
    in both, so what is above 1 is flicker. A clip whose source does not move is left out.

    Source: the project's own; second differences as a measure of shaking are common in video
    stabilisation.

    >>> import numpy as np
    >>> source = np.random.default_rng(0).normal(size=(9, 68, 2))
    >>> TemporalJitter()(source, source)
    tensor(1., dtype=torch.float64)
    """

    higher_is_better = False

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
        known = known[2:] & known[1:-1] & known[:-2]
        if not known.any():
            self._add(None)
            return
        found, original = (_acceleration(points)[known].mean() for points in both)
        self._add(float(found / original) if original > 0 else None)


def _acceleration(points: Floats) -> Floats:
    """(T - 2,) mean over the landmarks."""
    change = np.linalg.norm(points[2:] - 2 * points[1:-1] + points[:-2], axis=2).mean(axis=1)
    return np.asarray(change / inter_ocular(points[1:-1]), np.float64)
