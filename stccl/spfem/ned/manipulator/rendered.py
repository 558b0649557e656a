"""The STCCL loss on renderings of source and manipulated faces."""

import numpy as np
import torch
from torch import Tensor

from stccl.face3d.images.seen import SeenFaces, see_faces
from stccl.face3d.images.shape import shape_image
from stccl.face3d.images.surface import face_surface
from stccl.face3d.model import FaceCoefficients, FaceModel
from stccl.metric.loss import STCCLLoss, STCCLTerms
from stccl.metric.sampling import draw_locations
from stccl.render.view import Orthographic
from stccl.spfem.ned.manipulator.params import SupervisionParams

_SHOWN = {"face": (slice(0, 68), 1.4), "mouth": (slice(48, 68), 1.9)}
"""Landmarks, and the picture's side over the larger side of their box: all as in DECA's crop, or
the lips with chin and cheeks beside them."""


class RenderedLoss:
    """STCCL between two signals, as faces of the same people that look straight ahead.

    Both are drawn as gray shape images by an orthographic camera in front of the face; all else
    being equal, what differs is what the faces do. The surface's shading and outline lead gradients
    back to the generated signal. Source: the STCCL paper's supervision of intermediate renderings.

    Args:
        metric: Frozen.
        model: The face model of the coefficients.
        params: How much is drawn, how large.
        seed: Of the regions compared.
    """

    def __init__(
        self, metric: STCCLLoss, model: FaceModel, params: SupervisionParams, seed: int
    ) -> None:
        self._metric = metric
        self._model = model
        self._surface = face_surface(model)
        self._params = params
        self._spatial_factor: float = getattr(params.spatial_factor, metric.config.formulation)
        self._seed = seed
        shown, margin = _SHOWN[params.region]
        box = model.landmarks(model.template[None])[0, shown, :2]
        low, high = box.amin(0), box.amax(0)
        half_m = float(margin * (high - low).max() / 2)
        middle = (low + high) / 2
        camera = torch.tensor([[1 / half_m, -float(middle[0]), -float(middle[1])]])
        self._view = Orthographic(camera, params.size_px)

    def __call__(self, generated: Tensor, source: Tensor, shape: Tensor, step: int) -> Tensor:
        """A scalar, with gradients to `generated` alone and without its weight.

        Args:
            generated: (B, T, N) signals in the units of their coefficients; the first
                `params.windows` of them, and of these `params.frames`, are drawn.
            source: The same shape.
            shape: (B, S) identities.
            step: Regions are a function of it and the seed.
        """
        params = self._params
        windows = min(params.windows, len(source))
        frames = min(params.frames, source.shape[1])
        shown = torch.linspace(0, source.shape[1] - 1, frames).round().long()
        people = shape[:windows].repeat_interleave(frames, 0)
        with torch.no_grad():
            before, picture = self._draw(source[:windows, shown].flatten(0, 1), people)
        _, made = self._draw(generated[:windows, shown].flatten(0, 1), people)
        device = next(self._metric.parameters()).device
        clips = [torch.unflatten(each, 0, (windows, frames)).to(device) for each in (made, picture)]
        mask = torch.unflatten(before.facing[:, 0], 0, (windows, frames)).to(device)
        size = params.size_px
        random = np.random.SeedSequence([self._seed, step]).generate_state(1, np.uint64)[0]
        generator = torch.Generator().manual_seed(int(random))
        locations = draw_locations(size, size, self._metric.config, generator)
        terms: STCCLTerms = self._metric(*clips, locations=locations, mask=mask)
        return self._spatial_factor * terms.spatial + terms.temporal

    def images(self, signal: Tensor, shape: Tensor) -> Tensor:
        """(K, 3, H, W) renderings in [-1, 1] of signals (K, N) of people (K, S)."""
        return self._draw(signal, shape)[1]

    def _draw(self, signal: Tensor, shape: Tensor) -> tuple[SeenFaces, Tensor]:
        signal, shape = signal.cpu(), shape.cpu()
        rest = torch.zeros(len(signal), 3)
        jaw = torch.nn.functional.pad(signal[:, :1], (0, 2))
        eyes = torch.zeros(len(signal), 2, 3)
        face = FaceCoefficients(shape, signal[:, 1:], rest, rest, jaw, eyes)
        size = (self._params.size_px, self._params.size_px)
        faces = see_faces(self._surface, self._model.vertices(face), self._view, size)
        # Where outlines lie closer than a pixel, what they mix adds up to more than there was.
        return faces, (2 * faces.soften(shape_image(faces)) - 1).clamp(-1, 1)
