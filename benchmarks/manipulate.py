"""How fast a clip is given another expression, and where the time goes.

Uses a trained model and its test clips: run the pipeline first, then
`python -m benchmarks.manipulate`. Beside it, in the same process: the renderer at the published
size (256 px, width 64, nine blocks; random weights, since only the time is looked at), and meshes
drawn into whole frames one at a time and warped to the crop, as the published program does it.
"""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from stccl.clip import read_clips
from stccl.face3d.images.warp import warp_images
from stccl.params import read_params
from stccl.spfem.manipulate import manipulate
from stccl.spfem.ned.renderer.conditions import conditions, draw, to_pictures
from stccl.spfem.ned.renderer.params import RendererConfig
from stccl.spfem.ned.renderer.renderer import Renderer
from stccl.spfem.ned.renderer.track import FaceTrack, read_track
from stccl.spfem.trained import trained_models

DATA, MODELS = Path("data"), Path("models")
PUBLISHED_FRAMES = 4
FRAME_PX = 256


@contextmanager
def timed(name: str, frames: int, found: dict[str, float]) -> Iterator[None]:
    """Note the seconds per frame."""
    begin = time.perf_counter()
    yield
    found[name] = (time.perf_counter() - begin) / frames


def published_conditions(track: FaceTrack, size_px: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Conditions of a track, each drawn into its frame and warped, and landmarks of the frame."""
    config = RendererConfig(size_px=size_px)
    whole = RendererConfig(size_px=FRAME_PX)
    identity = torch.tensor([[[1.0, 0, 0], [0, 1, 0]]], dtype=torch.float64)
    made, points_px = [], []
    for place in range(len(track.frames)):
        one = track.part(place, place + 1)
        frame = type(track)(**{**vars(one), "matrices": identity, "crop_px": FRAME_PX})
        drawn = draw(frame, whole)
        matrices = to_pictures(one, config)
        made.append(warp_images(conditions(drawn.images), matrices, (size_px, size_px)))
        points_px.append(drawn.landmarks_px)
    return torch.cat(made), torch.cat(points_px)


def main() -> None:
    """Print one line per figure."""
    params = read_params()
    (model,) = trained_models(MODELS, params.spfem, None, everything=False)
    clip = next(clip for clip in read_clips(DATA) if clip.split == "spfem-test")
    track = read_track(DATA, clip.clip)
    renderers = model / "renderers"
    renderer = Renderer.load(renderers / f"{clip.dataset}-{clip.speaker}")
    with_sound = next((DATA / "targets").glob("*.mp4"))
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for name, source in (
            ("a clip of the pipeline", clip.clip),
            ("a file: faces found, aligned and fitted as well", str(with_sound)),
        ):
            for _ in range(2):  # the first one loads and compiles
                begin = time.perf_counter()
                frames, _ = manipulate(
                    source,
                    Path(scratch) / "out.mp4",
                    models=[model],
                    emotion="happy",
                    reference=None,
                    speaker=f"{clip.dataset}-{clip.speaker}",
                    side_by_side=False,
                    data=DATA,
                    params=params,
                    progress=lambda *_: None,
                )
            found[name] = (time.perf_counter() - begin) / frames
    with timed("meshes drawn", len(track.frames), found):
        drawn = draw(track, renderer.config)
        told = conditions(drawn.images)
    with timed("pictures rendered", len(told), found):
        renderer.render(told, drawn.landmarks_px)
    few = track.part(0, PUBLISHED_FRAMES)
    published = Renderer.initial(RendererConfig(), 0)
    with timed("published: meshes drawn", PUBLISHED_FRAMES, found):
        wide = published_conditions(few, FRAME_PX)
    with timed("published: pictures rendered", PUBLISHED_FRAMES, found):
        published.render(*wide)
    for name, seconds in found.items():
        print(f"{name}: {1000 * seconds:.0f} ms a frame, {1 / seconds:.1f} frames/s")
    ours = found["meshes drawn"] + found["pictures rendered"]
    theirs = found["published: meshes drawn"] + found["published: pictures rendered"]
    print(f"ratio, drawn and rendered: {theirs / ours:.1f}")
    print(f"ratio, meshes alone: {found['published: meshes drawn'] / found['meshes drawn']:.1f}")


if __name__ == "__main__":
    main()
