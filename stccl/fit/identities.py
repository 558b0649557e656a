"""Who each speaker is, before any clip is fitted: one shape for all clips of a speaker."""

from pathlib import Path

import numpy as np

from stccl.clip import Clip, read_clips
from stccl.errors import ClipRejected
from stccl.fit.identity import View, fit_identity
from stccl.fit.models import face_model, model_files, scales
from stccl.fit.observed import observe
from stccl.fit.params import FitParams
from stccl.fit.priors import prior
from stccl.fit.read import read_landmarks
from stccl.perclip import Item, ItemStage, Outputs, upstream

CLIPS_PER_SPEAKER = 8
"""Clips that tell the identity, neutral ones first, then by id. A clip added beyond them changes
nothing for the speaker's others; one among them has these fitted again."""


def speaker_key(clip: Clip) -> str:
    """`<dataset>-<speaker>`, the beginning of the ids of all clips of a speaker."""
    return "-".join(clip.clip.split("-")[:2])


def items(data: Path) -> list[Item]:
    """Every speaker with an aligned clip."""
    clips: dict[str, list[Clip]] = {}
    inputs: dict[str, dict[str, str]] = {}
    for clip in sorted(read_clips(data), key=lambda c: (c.emotion != "neutral", c.clip)):
        key = speaker_key(clip)
        chosen = clips.setdefault(key, [])
        aligned = upstream(data, "aligned", clip.clip)
        if aligned is not None and len(chosen) < CLIPS_PER_SPEAKER:
            chosen.append(clip)
            # Its fingerprint contains those of the frames and landmarks it was made from.
            inputs.setdefault(key, {})[clip.clip] = aligned["aligned"]
    return [Item(key, tuple(clips[key]), inputs[key]) for key in sorted(inputs)]


def process(clips: tuple[Clip, ...], data: Path, params: FitParams, out: Outputs) -> None:
    """Take frames evenly from the clips, find the shape behind them, write it.

    Raises:
        ClipRejected: Where none of the clips has a face that a fit can use.
    """
    model = face_model(params.model)
    views = []
    for clip in clips:
        seen = read_landmarks(data, clip.clip)
        points = seen.points_px[seen.usable]
        count = min(len(points), -(-params.identity_frames // len(clips)))
        if count:
            evenly = ((np.arange(count) + 0.5) * len(points) / count).astype(int)
            views.append(View(observe(points[evenly], seen.size_px), seen.size_px))
    if not views:
        raise ClipRejected(
            "no_usable_face",
            f"the points of none of {len(clips)} clips can be fitted",
            "look at the speaker's clips: they should show a whole face",
        )
    before = prior(scales(params.model), len(model.expression_names), params)
    shape = fit_identity(model, views, before, params.camera_distance_m, params.prior_weight)
    out.table("identities").append(
        dataset=clips[0].dataset,
        speaker=clips[0].speaker,
        model=params.model,
        shape=shape.tolist(),
        clips_used=len(views),
        frames_used=sum(len(view.seen.points_px) for view in views),
    )


STAGE = ItemStage(
    name="identities",
    outputs=("identities",),
    process=process,
    items=items,
    code=("fit", "face3d", "render", "landmarks/smooth", "clip"),
    weights=model_files,
)
