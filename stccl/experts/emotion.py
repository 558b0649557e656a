"""The judge of emotion: where a face's points are and how it is creased, and what that means."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import cv2
import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from torch import Tensor

from stccl.align.template import canonical_points
from stccl.errors import StageError, StcclError
from stccl.experts.params import EmotionParams
from stccl.landmarks.faces import Points
from stccl.tables.png import Image

Floats = npt.NDArray[np.float64]

# Brows to chin of an aligned face, cheek to cheek: left, top, right, bottom in sides of its crop.
_PART = (0.14, 0.2, 0.86, 0.92)
_CELLS = 8
_CELL_PX = 8
_DIRECTIONS = 8


def emotion_features(face: Image, points: Points) -> tuple[Floats, Floats]:
    """What the judge looks at.

    Args:
        face: Aligned square crop, RGB.
        points: Its 68 landmarks, px of the crop.

    Returns:
        (136,) distances of the landmarks from the canonical face's, in sides of the crop, and
        (512,) histograms of gradients: of 8×8 cells between brows and chin, how much of the
        brightness changes in each of 8 directions; square roots, of unit length together.

    Source: Dalal and Triggs, Histograms of oriented gradients (CVPR 2005), without blocks.
    """
    side = face.shape[0]
    shape = (np.asarray(points, np.float64) + 0.5) / side - canonical_points()
    left, top, right, bottom = (round(share * side) for share in _PART)
    grey = cv2.cvtColor(face[top:bottom, left:right], cv2.COLOR_RGB2GRAY)
    size = _CELLS * _CELL_PX
    small = cv2.resize(grey, (size, size), interpolation=cv2.INTER_AREA).astype(np.float64)
    down, across = np.gradient(small)
    strength = np.hypot(down, across)
    at = np.arctan2(down, across) % np.pi * (_DIRECTIONS / np.pi)
    # Each pixel counts for the two directions nearest to its own.
    away = np.abs(at - np.arange(_DIRECTIONS)[:, None, None])
    share = np.clip(1 - np.minimum(away, _DIRECTIONS - away), 0, None)
    cells = (share * strength).reshape(_DIRECTIONS, _CELLS, _CELL_PX, _CELLS, _CELL_PX)
    histogram = cells.sum(axis=(2, 4)).ravel()
    total = histogram.sum()
    # A picture without any change has no direction.
    histogram = np.sqrt(histogram / total) if total > 0 else histogram
    return shape.ravel(), histogram


class EmotionJudge:
    r"""Linear discriminants of landmarks and gradients.

    With x the features of a frame, :math:`\mu_c` their mean in emotion c and :math:`\Sigma` their
    covariance within emotions, the embedding is

    .. math:: (z, r), \quad z = W (x - \bar\mu), \quad \bar\mu = \operatorname{mean}_c \mu_c,

    W with :math:`W \Sigma W^T = 1` and rows that span the differences of the means: C - 1 values
    for C emotions, in which within-emotion variation is a unit sphere. r is the same for all: the
    root mean square of the means' lengths in z. Without it an emotion near the mean of all, as
    neutral is, would have no direction, and a cosine with it no meaning; with it the cosine of two
    unlike emotions is about a half. The emotion of frames is that whose mean is nearest to their
    mean embedding.

    A closed form with one solution: 5 speakers are too few to train a network on pixels, which
    learns who they are instead.

    Source: Fisher (1936); the covariance is shrunk as by Friedman, Regularized discriminant
    analysis (JASA 84, 1989).

    Args:
        emotions: C names.
        weights: `shape_scale` (136,), `picture_scale` (512,) what features are multiplied by;
            `centre` (648,) :math:`\bar\mu`; `discriminants` (C - 1, 648) W; `means` (C, C)
            embeddings of the emotions' means.
    """

    def __init__(self, emotions: Sequence[str], weights: dict[str, Floats]) -> None:
        self.emotions = tuple(emotions)
        self._weights = weights

    @classmethod
    def train(
        cls,
        faces: Sequence[Image],
        points: Sequence[Points],
        emotions: Sequence[str],
        params: EmotionParams,
    ) -> Self:
        """Learn from frames.

        Args:
            faces: Aligned square crops.
            points: The landmarks of each, px of the crop.
            emotions: What each shows.
            params: How.

        Raises:
            StageError: Where all show one emotion.
        """
        names = sorted(set(emotions))
        if len(names) < 2:
            raise StageError(
                f"experts: all {len(faces)} frames to learn emotions from are {'/'.join(names)}; "
                "give the dataset metric-train speakers with several emotions"
            )
        shapes, pictures = _features(faces, points)
        weights = {
            "shape_scale": _scale(shapes),
            "picture_scale": params.picture_weight * _scale(pictures),
        }
        x = np.hstack([shapes * weights["shape_scale"], pictures * weights["picture_scale"]])
        label = np.array([names.index(name) for name in emotions])
        means = np.stack([x[label == c].mean(axis=0) for c in range(len(names))])
        within = x - means[label]
        covariance = within.T @ within / len(x)
        sphere = np.trace(covariance) / len(covariance) * np.eye(len(covariance))
        covariance = (1 - params.shrinkage) * covariance + params.shrinkage * sphere
        centre = means.mean(axis=0)
        lower = np.linalg.cholesky(covariance)
        white = np.linalg.solve(lower, (means - centre).T)
        basis = np.linalg.svd(white, full_matrices=False)[0][:, : len(names) - 1]
        discriminants = np.linalg.solve(lower.T, basis).T
        weights |= {
            "centre": centre,
            "discriminants": discriminants,
            "means": _with_length((means - centre) @ discriminants.T),
        }
        return cls(names, weights)

    def embed(self, faces: Sequence[Image], points: Sequence[Points]) -> Tensor:
        """Embeddings (N, C) of aligned faces and their landmarks in px of the crop."""
        if not faces:
            return torch.empty(0, len(self.emotions), dtype=torch.float64)
        shapes, pictures = _features(faces, points)
        w = self._weights
        x = np.hstack([shapes * w["shape_scale"], pictures * w["picture_scale"]])
        z = (x - w["centre"]) @ w["discriminants"].T
        return torch.from_numpy(np.hstack([z, np.full((len(z), 1), w["means"][0, -1])]))

    def emotion(self, embeddings: Tensor) -> str:
        """The emotion of one clip's frames, (N, C)."""
        mean = embeddings.mean(dim=0).numpy()
        return self.emotions[int(np.linalg.norm(self._weights["means"] - mean, axis=1).argmin())]

    def save(self, folder: Path) -> None:
        """Write `emotion.json` and `emotion.safetensors`; equal judges give the same bytes."""
        state = {name: np.ascontiguousarray(value) for name, value in self._weights.items()}
        save_file(state, folder / "emotion.safetensors")
        text = json.dumps({"emotions": self.emotions}, indent=2) + "\n"
        (folder / "emotion.json").write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote.

        Raises:
            StcclError: Where it is not there, or damaged.
        """
        try:
            names = json.loads((folder / "emotion.json").read_text("utf-8"))["emotions"]
            return cls(names, load_file(folder / "emotion.safetensors"))
        except (OSError, SafetensorError, ValueError, KeyError) as error:
            reason = " ".join(str(error).split())[:300]
            raise StcclError(f"{folder}: no judge of emotion: {reason}") from None


def _features(faces: Sequence[Image], points: Sequence[Points]) -> tuple[Floats, Floats]:
    both = [emotion_features(*face) for face in zip(faces, points, strict=True)]
    shapes, pictures = (np.stack(side) for side in zip(*both, strict=True))
    return shapes, pictures


def _with_length(means: Floats) -> Floats:
    """Means in z with r as their last value."""
    length = np.sqrt((means**2).sum(axis=1).mean())
    return np.hstack([means, np.full((len(means), 1), length)])


def _scale(features: Floats) -> Floats:
    """Brings every feature to the same deviation, and all together to 1."""
    deviation = features.std(axis=0)
    scale = np.where(deviation > 1e-9, 1 / np.maximum(deviation, 1e-9), 0)
    return np.asarray(scale / deviation.size**0.5, np.float64)
