"""FLAME, the statistical head model that DECA and NED are built on."""

from pathlib import Path
from typing import NamedTuple, Self

import torch
from torch import Tensor, nn

from stccl.errors import StcclError
from stccl.face3d.flame_files import (
    CONTOURS,
    JOINTS,
    LANDMARKS_FILE,
    MODEL_FILE,
    FlameLandmarks,
    FlameModel,
    read_landmarks,
    read_model,
)
from stccl.face3d.model import FaceCoefficients
from stccl.face3d.rotation import rotation_matrix
from stccl.face3d.skinning import skin
from stccl.weights import WEIGHTS

_NECK = 1
_EYES = (4, 3)  # right, left
_LARGEST_YAW_DEG = CONTOURS // 2


class FlameFace(NamedTuple):
    """What FLAME makes of its coefficients."""

    vertices: Tensor
    """(B, V, 3), m."""
    landmarks_2d: Tensor
    """(B, 68, 3), m: the jaw line follows the visible contour, as annotators draw it in a picture.
    """
    landmarks_3d: Tensor
    """(B, 68, 3), m: all points fixed on the surface."""


class FLAME(nn.Module):
    """Blend shapes, pose correctives and a skeleton of five joints. A `FaceModel`.

    Its buffers have the names and shapes of the published implementation. The model looks along
    +z with +y up and +x to its left, in metres; its origin is the published template's.

    Source: Li, Bolkart, Black, Li & Romero, "Learning a model of facial shape and expression from
    4D scans" (SIGGRAPH Asia 2017), Section 3.

    Args:
        model: The arrays of the model.
        landmarks: Where its 68 points lie.

    Raises:
        StcclError: Where landmarks lie on triangles that the model does not have.
    """

    eye_pose: Tensor
    neck_pose: Tensor
    faces_tensor: Tensor
    v_template: Tensor
    shapedirs: Tensor
    posedirs: Tensor
    J_regressor: Tensor
    parents: Tensor
    lbs_weights: Tensor
    lmk_faces_idx: Tensor
    lmk_bary_coords: Tensor
    dynamic_lmk_faces_idx: Tensor
    dynamic_lmk_bary_coords: Tensor
    full_lmk_faces_idx: Tensor
    full_lmk_bary_coords: Tensor
    neck_kin_chain: Tensor

    def __init__(self, model: FlameModel, landmarks: FlameLandmarks) -> None:
        super().__init__()
        _belong_together(model, landmarks)
        self._shapes = model.shape_directions.shape[2]
        buffers = {
            "eye_pose": torch.zeros(1, 6),
            "neck_pose": torch.zeros(1, 3),
            "faces_tensor": model.triangles,
            "v_template": model.template,
            "shapedirs": torch.cat((model.shape_directions, model.expression_directions), 2),
            "posedirs": model.pose_directions.flatten(0, 1).T.contiguous(),
            "J_regressor": model.joint_regressor,
            "parents": model.parents,
            "lbs_weights": model.skinning_weights,
            "lmk_faces_idx": landmarks.inner_triangles,
            "lmk_bary_coords": landmarks.inner_weights,
            "dynamic_lmk_faces_idx": landmarks.contour_triangles,
            "dynamic_lmk_bary_coords": landmarks.contour_weights,
            "full_lmk_faces_idx": landmarks.full_triangles,
            "full_lmk_bary_coords": landmarks.full_weights,
            "neck_kin_chain": torch.tensor(_up_to_the_root(_NECK, model.parents.tolist())),
        }
        for name, tensor in buffers.items():
            self.register_buffer(name, tensor)

    @classmethod
    def from_folder(
        cls, folder: Path = WEIGHTS, *, shapes: int = 100, expressions: int = 50
    ) -> Self:
        """FLAME from its published files; nothing in them is executed.

        Args:
            folder: Holds `generic_model.pkl` (FLAME 2020) and `landmark_embedding.npy` (DECA's).
            shapes: Number of shape coefficients, at most 300.
            expressions: Number of expression coefficients, at most 100.

        Raises:
            StcclError: Where a file is absent, damaged or another one; naming file and cause.
        """
        model = read_model(folder / MODEL_FILE, shapes, expressions)
        return cls(model, read_landmarks(folder / LANDMARKS_FILE))

    @property
    def shape_names(self) -> tuple[str, ...]:
        """`shape_0` …: principal components of identity, the strongest first."""
        return tuple(f"shape_{i}" for i in range(self._shapes))

    @property
    def expression_names(self) -> tuple[str, ...]:
        """`expression_0` …: principal components of expression, the strongest first."""
        return tuple(f"expression_{i}" for i in range(self.shapedirs.shape[2] - self._shapes))

    @property
    def triangles(self) -> Tensor:
        """(F, 3) vertex numbers, counter-clockwise seen from outside."""
        return self.faces_tensor

    @property
    def surface_triangles(self) -> Tensor:
        """All of them: FLAME has no inside of the mouth and no clothes."""
        return self.faces_tensor

    @property
    def template(self) -> Tensor:
        """(V, 3) positions of the average face at rest, m."""
        return self.v_template

    def forward(
        self,
        shape: Tensor,
        expression: Tensor,
        pose: Tensor,
        *,
        neck: Tensor | None = None,
        eyes: Tensor | None = None,
    ) -> FlameFace:
        """The face as FLAME itself poses it.

        Args:
            shape: (B, S) identity, standard deviations.
            expression: (B, E) expression, standard deviations.
            pose: (B, 6) axis-angle, rad: the whole head about its root joint, then the jaw.
            neck: (B, 3) axis-angle, rad; `neck_pose` (zero) if not given.
            eyes: (B, 6) axis-angle, rad: left eye, right eye; `eye_pose` (zero) if not given.

        Raises:
            ValueError: Where a tensor has another shape.
        """
        batch = len(shape)
        neck = self.neck_pose.expand(batch, -1) if neck is None else neck
        eyes = self.eye_pose.expand(batch, -1) if eyes is None else eyes
        _expect("pose", pose, batch, 6)
        _expect("neck", neck, batch, 3)
        _expect("eyes", eyes, batch, 6)
        rotations = rotation_matrix(
            torch.cat((pose[:, :3], neck, pose[:, 3:], eyes), 1).reshape(batch, JOINTS, 3)
        )
        vertices = self._posed(self._shaped(shape, expression), rotations)
        contour = self._contour_rows(rotations)
        triangles = torch.cat(
            (self.dynamic_lmk_faces_idx[contour], self.lmk_faces_idx.expand(batch, -1)), 1
        )
        weights = torch.cat(
            (
                self.dynamic_lmk_bary_coords[contour],
                self.lmk_bary_coords.expand(batch, -1, -1),
            ),
            1,
        )
        return FlameFace(
            vertices, self._on_surface(vertices, triangles, weights), self.landmarks(vertices)
        )

    def vertices(self, coefficients: FaceCoefficients) -> Tensor:
        """(B, V, 3) positions, m; here the head turns about the origin, not its root joint.

        Raises:
            ValueError: Where a tensor has another shape.
        """
        batch = len(coefficients.shape)
        _expect("rotation", coefficients.rotation, batch, 3)
        _expect("translation", coefficients.translation, batch, 3)
        _expect("jaw", coefficients.jaw, batch, 3)
        _expect("eyes", coefficients.eyes, batch, 2, 3)
        still = torch.zeros_like(coefficients.jaw)
        left_eye_first = coefficients.eyes.flip(1).flatten(1)
        face = torch.cat((still, still, coefficients.jaw, left_eye_first), 1)
        shaped = self._shaped(coefficients.shape, coefficients.expression)
        posed = self._posed(shaped, rotation_matrix(face.reshape(batch, JOINTS, 3)))
        turn = rotation_matrix(coefficients.rotation)
        return posed @ turn.mT + coefficients.translation[:, None]

    def landmarks(self, vertices: Tensor) -> Tensor:
        """(B, 68, 3) points fixed on the surface of (B, V, 3) vertices."""
        batch = len(vertices)
        triangles = self.full_lmk_faces_idx.expand(batch, -1)
        weights = self.full_lmk_bary_coords.expand(batch, -1, -1)
        return self._on_surface(vertices, triangles, weights)

    def pupils(self, vertices: Tensor) -> Tensor:
        """(B, 2, 3): of the vertices that turn with an eye the one that is foremost at rest."""
        turns_with = self.lbs_weights.argmax(1)
        foremost = [
            torch.where(turns_with == eye, self.v_template[:, 2], -torch.inf).argmax()
            for eye in _EYES
        ]
        return vertices[:, torch.stack(foremost)]

    def root(self, shape: Tensor, expression: Tensor) -> Tensor:
        """(B, 3) position of the joint about which `forward` turns the whole head, m."""
        return self.J_regressor[0] @ self._shaped(shape, expression)

    def _shaped(self, shape: Tensor, expression: Tensor) -> Tensor:
        _expect("shape", shape, len(shape), self._shapes)
        _expect("expression", expression, len(shape), self.shapedirs.shape[2] - self._shapes)
        coefficients = torch.cat((shape, expression), 1)
        moved = coefficients @ self.shapedirs.flatten(0, 1).T
        return self.v_template + moved.reshape(len(shape), -1, 3)

    def _posed(self, shaped: Tensor, rotations: Tensor) -> Tensor:
        joints = self.J_regressor @ shaped
        identity = torch.eye(3, dtype=rotations.dtype, device=rotations.device)
        correctives = (rotations[:, 1:] - identity).flatten(1) @ self.posedirs
        corrected = shaped + correctives.reshape(shaped.shape)
        return skin(corrected, joints, rotations, self.parents.tolist(), self.lbs_weights)

    @torch.no_grad()
    def _contour_rows(self, rotations: Tensor) -> Tensor:
        """Rows of the contour table: yaws 0…39° first, then -1…-39°."""
        turn = rotations[:, _NECK]
        for joint in self.neck_kin_chain[1:]:
            turn = rotations[:, joint] @ turn
        sine, cosine = -turn[:, 2, 0], torch.hypot(turn[:, 0, 0], turn[:, 1, 0])
        yaw = torch.atan2(sine, cosine).rad2deg().nan_to_num(0).round()
        yaw = yaw.clamp(-_LARGEST_YAW_DEG, _LARGEST_YAW_DEG).long()
        return torch.where(yaw < 0, _LARGEST_YAW_DEG - yaw, yaw)

    def _on_surface(self, vertices: Tensor, triangles: Tensor, weights: Tensor) -> Tensor:
        corners = self.faces_tensor[triangles].flatten(1)
        places = vertices.gather(1, corners[..., None].expand(-1, -1, 3))
        return torch.einsum("blkc,blk->blc", places.reshape(*triangles.shape, 3, 3), weights)


def _up_to_the_root(joint: int, parents: list[int]) -> list[int]:
    return [] if joint < 0 else [joint, *_up_to_the_root(parents[joint], parents)]


def _belong_together(model: FlameModel, landmarks: FlameLandmarks) -> None:
    numbers = torch.cat([triangles.flatten() for triangles in landmarks[::2]])
    if numbers.min() < 0 or numbers.max() >= len(model.triangles):
        raise StcclError(
            f"FLAME's landmarks lie on triangles {numbers.min()} to {numbers.max()}, its model has "
            f"{len(model.triangles)}: {LANDMARKS_FILE} and {MODEL_FILE} do not belong together"
        )


def _expect(name: str, tensor: Tensor, *shape: int) -> None:
    if tensor.shape != shape:
        raise ValueError(f"{name}: expected {shape}, got {tuple(tensor.shape)}")
