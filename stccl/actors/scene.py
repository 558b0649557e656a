"""An actor in front of the camera: coefficients in, pictures out."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from stccl.actors import studio
from stccl.actors.hair import Hair, Scalp, grow_hair, keep_seen
from stccl.actors.identity import draw_shape
from stccl.actors.lashes import Lashes, LashRow
from stccl.actors.looks import Looks, draw_looks
from stccl.actors.paint.creases import crease_strengths
from stccl.actors.paint.eye import paint_eye
from stccl.actors.paint.head import Skin
from stccl.actors.paint.mouth import paint_cloth, paint_flesh, paint_lid_lining, paint_teeth
from stccl.actors.paint.unroll import uv_to_chart
from stccl.actors.speaker import Speaker
from stccl.face3d.head.head import Head
from stccl.face3d.model import FaceCoefficients
from stccl.face3d.rotation import rotation_matrix
from stccl.render.mesh import vertex_normals
from stccl.render.picture import reduce_samples, to_srgb
from stccl.render.raster import nearest, rasterize
from stccl.render.strands import Strands, shade_strands
from stccl.render.surface import Surface, Vertices, shade_surfaces
from stccl.render.visibility import ambient_occlusion, lit_part

Array = NDArray[Any]

_SKIN_SCATTER = (0.50, 0.26, 0.18)
_SCATTER = {
    "garment": (0.1, 0.1, 0.1),
    "eyeball": (0.30, 0.25, 0.25),
    "upper_teeth": (0.4, 0.35, 0.3),
    "lower_teeth": (0.4, 0.35, 0.3),
}
_MOUTH_PARTS = ("mouth_lining", "upper_teeth", "lower_teeth", "upper_gums", "lower_gums", "tongue")


# The furthest that heads turn, and some between.
_POSES_RAD = (
    (0.0, 0.0, 0.0), (0.0, 0.2, 0.0), (0.0, -0.2, 0.0), (0.0, 0.4, 0.0), (0.0, -0.4, 0.0),
    (0.2, 0.0, 0.0), (-0.2, 0.0, 0.0), (0.0, 0.0, 0.15), (0.0, 0.0, -0.15),
)  # fmt: skip


_LEAST_SAMPLES = 6  # over all these poses, for hair to be worth drawing


@cache
def _head() -> Head:
    return Head()


class Scene:
    """One actor and the studio, painted once; then a picture per set of coefficients.

    Args:
        speaker: Who.
        looks: Instead of the speaker's own.
        size_px: Side of the square pictures.
    """

    def __init__(self, speaker: Speaker, looks: Looks | None = None, size_px: int = 256) -> None:
        self.head = _head()
        self.looks = looks or draw_looks(speaker)
        self.shape = torch.from_numpy(draw_shape(speaker, self.head.shape_names))
        self.camera = studio.portrait_camera(size_px)
        self._lights = studio.lamps(self.looks)
        self._eye_lights = studio.catch_light(self.looks)
        self._size = size_px
        self._wall = studio.wall(self.looks, speaker.rng("wall"), 2 * size_px)
        self._noise = studio.noise_tile(speaker.rng("noise"), 2 * size_px)
        parts = self.head.triangle_parts.numpy()
        order = np.argsort(parts, kind="stable")
        self._triangles = self.head.triangles.numpy()[order]
        self._uv = self.head.uv.numpy()
        outer = [self.head.part_names.index(name) for name in ("skin", "ear", "garment")]
        self._outside = self._triangles[np.isin(parts[order], outer)]
        self._skin = Skin(self.looks, speaker.rng("skin"), 2 * size_px)
        self._surfaces = self._materials(speaker, parts[order])
        self._settle(speaker)

    def rest(self) -> FaceCoefficients:
        """The speaker's face at rest, a batch of one."""
        return self.head.rest()._replace(shape=self.shape[None])

    def project(self, points: Array) -> Array:
        """Pixels of points in the world, (..., 3) m to (..., 2); (0, 0) is a pixel's middle."""
        return self.camera.project(np.asarray(points))[..., :2] - 0.5

    def film(self, faces: FaceCoefficients) -> tuple[Array, Iterator[Array]]:
        """A moving face: its landmarks, and its pictures one by one as they are asked for.

        Args:
            faces: A batch of N, the moments one after the other.

        Returns:
            The 68 points as detectors give them, (N, 68, 2) px; then N pictures as `draw` makes.
        """
        # Posing all at once costs a fraction of one by one.
        with torch.inference_mode():
            vertices = self.head.vertices(faces)
            points_px = self.project(self.head.landmarks(vertices).numpy())
        pictures = (
            self._draw(FaceCoefficients(*(part[frame] for part in faces)), points, frame)
            for frame, points in enumerate(vertices.numpy())
        )
        return points_px, pictures

    def landmarks(self, coefficients: FaceCoefficients) -> Array:
        """The 68 points of a face in the picture, (68, 2) px, as detectors give them."""
        (points_px,), _ = self.film(coefficients)
        return np.asarray(points_px)

    def draw(self, coefficients: FaceCoefficients, frame: int = 0) -> Array:
        """The picture of a face, (size, size, 3) uint8 sRGB.

        Args:
            coefficients: A batch of one.
            frame: Number of the frame; picks the sensor's noise.
        """
        with torch.inference_mode():
            vertices = self.head.vertices(coefficients)[0].numpy()
        return self._draw(FaceCoefficients(*(part[0] for part in coefficients)), vertices, frame)

    def _draw(self, face: FaceCoefficients, vertices: Array, frame: int) -> Array:
        rotation = rotation_matrix(face.rotation).numpy()
        shift = face.translation.numpy()
        expression = face.expression.tolist()
        normals = vertex_normals(vertices, self._triangles)
        lit = self._hair_shadow * lit_part(
            vertices, normals, vertices, self._outside, self._lights.directions[0],
            resolution_px=224, bias_m=0.0025,
        )  # fmt: skip
        shadow = np.maximum(lit, self._least_lit)
        lashes = self._lashes.triangles(vertices)
        points = [vertices, lashes.reshape(-1, 3)]
        if self._hair is not None:
            points.append((rotation @ self._hair.position.T + shift[:, None]).T)
        world = np.concatenate(points)
        seen = rasterize(
            self.camera.project(world, scale=2),
            self._all_triangles,
            (2 * self._size, 2 * self._size),
            self._two_sided,
        )
        image = self._wall.copy()
        eye = np.array([0.0, self.camera.height_m, self.camera.distance_m])
        strengths = crease_strengths(dict(zip(self.head.expression_names, expression, strict=True)))
        skin = self._surfaces["skin"]._replace(texture=self._skin.texture(strengths))
        attributes = Vertices(vertices, normals, self._uv, self._occlusion, shadow)
        surfaces = self._surfaces | {"skin": skin}
        eyeballs = surfaces.pop("eyeball")
        for materials, lights in (
            (list(surfaces.values()), self._lights),
            ([eyeballs], self._eye_lights),
        ):
            shade_surfaces(
                image, seen, self._all_triangles, attributes, materials, lights, eye, rotation
            )
        along = np.repeat(lashes[:, 2] - lashes[:, 0], 3, axis=0) @ rotation
        strands = self._strands._replace(
            position=world[self._strands.start :],
            tangent=np.concatenate([along, self._strands.tangent[len(along) :]]),
        )
        shade_strands(image, seen, self._all_triangles, strands, self._lights, eye, rotation)
        pixels = cv2.GaussianBlur(reduce_samples(image), (0, 0), 0.45)
        return to_srgb(studio.expose(pixels, self._noise_of(frame)))

    def _materials(self, speaker: Speaker, parts: Array) -> dict[str, Surface]:
        looks, size = self.looks, self._size
        flesh = self._skin.base[..., :3].reshape(-1, 3).mean(axis=0)
        ear = np.zeros((8, 8, 8), np.float32)
        ear[..., :3] = flesh * [1.0, 0.86, 0.86]
        ear[..., 3], ear[..., 4] = 0.5, 0.7
        textures = {
            "skin": self._skin.base,
            "ear": ear,
            "lid_lining": paint_lid_lining(32),
            "mouth_lining": paint_flesh((0.42, 0.17, 0.16), 0.6, 4),
            "eyeball": paint_eye(looks, speaker.rng("eyes"), size),
            "upper_teeth": paint_teeth(looks, 64),
            "lower_teeth": paint_teeth(looks, 64),
            "upper_gums": paint_flesh((0.66, 0.36, 0.36), 0.35, 4),
            "lower_gums": paint_flesh((0.66, 0.36, 0.36), 0.35, 4),
            "tongue": paint_flesh((0.76, 0.40, 0.39), 0.5, 4),
            "garment": paint_cloth(looks, speaker.rng("clothes"), size),
        }
        surfaces = {}
        for number, name in enumerate(self.head.part_names):
            (inside,) = np.nonzero(parts == number)
            surfaces[name] = Surface(
                int(inside[0]),
                int(inside[-1]) + 1,
                textures[name],
                _SCATTER.get(name, _SKIN_SCATTER),
            )
        return surfaces

    def _settle(self, speaker: Speaker) -> None:
        """What is worked out once, on the face at rest: hair, occlusion, the hair's shadow."""
        with torch.inference_mode():
            rest = self.head.vertices(self.rest())[0].numpy()
            ajar = self.head.vertices(self._ajar())[0].numpy()
        triangles = self._triangles
        normals = vertex_normals(rest, triangles)
        skin = self._surfaces["skin"]
        scalp = Scalp(rest, normals, uv_to_chart(self._uv), triangles[skin.first : skin.last])
        hair = grow_hair(scalp, self.looks, speaker.rng("hair"))
        self._hair = None if hair is None else self._prune(hair, rest)
        groups = self.head.vertex_groups
        balls = self.head.vertex_parts.numpy() == self.head.part_names.index("eyeball")
        self._lashes = Lashes(
            [
                LashRow(
                    groups[f"{side}_{lid}_lashes"],
                    np.flatnonzero(balls & (sign * rest[:, 0] > 0)),
                    0.0075 * self.looks.lashes * (1.0 if lid == "upper" else 0.45),
                    0.45 if lid == "upper" else -0.5,
                )
                for side, sign in (("right", -1), ("left", 1))
                for lid in ("upper", "lower")
            ]
        )
        lash_corners = 3 * len(self._lashes)
        blocks = [triangles, len(rest) + np.arange(lash_corners).reshape(-1, 3)]
        casters, faces = rest, triangles
        if self._hair is not None:
            # The nearest first: what they hide is then told without looking where in it.
            nearest = np.argsort(-self._hair.position[self._hair.triangles, 2].max(axis=1))
            blocks.append(self._hair.triangles[nearest] + len(rest) + lash_corners)
            casters = np.concatenate([rest, self._hair.position])
            faces = np.concatenate([triangles, self._hair.triangles + len(rest)])
        self._all_triangles = np.ascontiguousarray(np.concatenate(blocks), np.int64)
        self._two_sided = np.zeros(len(self._all_triangles), np.bool_)
        self._two_sided[len(triangles) :] = True

        in_mouth = np.isin(
            self.head.vertex_parts.numpy(), [self.head.part_names.index(n) for n in _MOUTH_PARTS]
        )
        occlusion = ambient_occlusion(
            rest, normals, triangles, directions=48, resolution_px=320, bias_m=0.002
        )
        inside = ambient_occlusion(
            ajar, vertex_normals(ajar, triangles), triangles, directions=48, resolution_px=320,
            bias_m=0.002,
        )  # fmt: skip
        # Wet walls, teeth and the whites of eyes pass light on to each other.
        wet = np.isin(
            self.head.vertex_parts.numpy(),
            [self.head.part_names.index(name) for name in ("eyeball", "lid_lining")],
        )
        occlusion = np.where(wet, 0.15 + 0.80 * occlusion**0.6, occlusion)
        self._occlusion = np.where(in_mouth, inside**0.7, occlusion).astype(np.float32)
        self._least_lit = np.where(wet, 0.3, 0.0).astype(np.float32)
        self._hair_shadow = np.ones(len(rest), np.float32)
        self._strands = self._lash_strands(len(triangles), len(rest))
        if self._hair is not None:
            key = self._lights.directions[0]
            with_hair = lit_part(rest, normals, casters, faces, key, softness_px=3)
            without = lit_part(rest, normals, rest, triangles, key, softness_px=3)
            self._hair_shadow = np.clip(with_hair / np.maximum(without, 0.2), 0, 1)
            covered = lit_part(
                self._hair.position,
                self._hair.normal,
                casters,
                faces,
                key,
                softness_px=2,
                bias_m=0.006,
            )
            arrives = covered * (0.4 + 0.6 * self._hair.occlusion)
            self._strands = _with_hair(self._strands, self._hair, arrives)

    def _lash_strands(self, first: int, start: int) -> Strands:
        """The lashes from this triangle and this vertex on, as shading wants them in any frame."""
        count = 3 * len(self._lashes)
        return Strands(
            first, first + len(self._lashes), start, np.zeros((count, 3)), np.zeros((count, 3)),
            np.tile([0.0, 0.0, 1.0], (count, 1)),
            np.tile(0.25 * np.array(self.looks.brow_linear), (count, 1)),
            np.full(count, 0.5), np.full(count, 0.5), np.zeros(count),
        )  # fmt: skip

    def _prune(self, hair: Hair, rest: Array) -> Hair:
        """Hair without the strands that no pose of the head shows."""
        triangles = np.concatenate([self._triangles, hair.triangles + len(rest)])
        points = np.concatenate([rest, hair.position])
        size = (2 * self._size, 2 * self._size)
        two_sided = np.arange(len(triangles)) >= len(self._triangles)
        samples = np.zeros(len(triangles) + 1, np.int64)  # the last: of no triangle
        for pose in _POSES_RAD:
            turn = rotation_matrix(torch.tensor(pose)).numpy()
            at = self.camera.project(points @ turn.T, scale=2)
            seen = nearest(at, triangles, size, two_sided)[0]
            samples += np.bincount(seen.ravel() % len(samples), minlength=len(samples))
        return keep_seen(hair, samples[len(self._triangles) : -1] >= _LEAST_SAMPLES)

    def _ajar(self) -> FaceCoefficients:
        """A laugh: what is in the mouth is seen like this."""
        names = self.head.expression_names
        expression = torch.zeros(1, len(names))
        for name in ("lips_part", "lip_corner_puller_right", "lip_corner_puller_left"):
            expression[0, names.index(name)] = 1.0
        jaw = torch.tensor([[0.14, 0.0, 0.0]])
        return self.rest()._replace(expression=expression, jaw=jaw)

    def _noise_of(self, frame: int) -> Array:
        row, column = np.random.default_rng(frame).integers(0, self._size, 2)
        return self._noise[row : row + self._size, column : column + self._size]


def _with_hair(lashes: Strands, hair: Hair, shadow: Array) -> Strands:
    gloss = np.full(len(shadow), hair.gloss)
    own = (hair.position, hair.tangent, hair.normal, hair.colour, hair.occlusion, shadow, gloss)
    both = (np.concatenate(pair, dtype=np.float32) for pair in zip(lashes[3:], own, strict=True))
    return Strands(lashes.first, lashes.last + len(hair.triangles), lashes.start, *both)
