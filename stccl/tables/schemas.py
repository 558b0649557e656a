"""Every table's columns, in one place; checked whenever a table is written or read."""

import pyarrow as pa

VERSION = 1
"""Raised when a column changes meaning; a file of another version is refused on read."""


def _columns(*optional: str, **types: pa.DataType) -> pa.Schema:
    nullable = {"fps", "frames", "duration_s", "png", "box", "points", "score", "matrix", "inverse"}
    nullable |= set(optional)
    return pa.schema([pa.field(k, v, nullable=k in nullable) for k, v in types.items()])


_CLIP_COLUMNS = {
    "clip": pa.string(),
    "dataset": pa.string(),
    "speaker": pa.string(),
    "emotion": pa.string(),
    "level": pa.int32(),
    "sentence": pa.string(),
    "take": pa.string(),
    "split": pa.string(),
    "words": pa.string(),
    "media_path": pa.string(),
    "audio_path": pa.string(),
    "fps": pa.float64(),
    "frames": pa.int32(),
    "duration_s": pa.float64(),
    "sha256": pa.string(),
}

SCHEMAS: dict[str, pa.Schema] = {
    # One row per utterance; `Clip` documents the columns.
    "clips": _columns(**_CLIP_COLUMNS),
    # One row per frame at the pipeline's constant rate. `time_s` is where the frame stands in the
    # clip, `source_time_s` the presentation time of the source picture shown there.
    "frames": _columns(
        frame=pa.int32(), time_s=pa.float64(), source_time_s=pa.float64(), png=pa.binary()
    ),
    # One row per block of mono sound; blocks follow each other without gaps.
    "audio": _columns(start_sample=pa.int64(), samples=pa.list_(pa.int16())),
    # One row per frame. `source` says where the points come from: detected, tracked, interpolated
    # or missing (then box, points and score are null). `score` is the detector's confidence where
    # it last found the face. Box x0 y0 x1 y1 and 68 points x0 y0 x1 …
    # in 300-W order, pixels of the frame.
    "landmarks": _columns(
        frame=pa.int32(),
        source=pa.string(),
        score=pa.float32(),
        box=pa.list_(pa.float32(), 4),
        points=pa.list_(pa.float32(), 136),
    ),
    # One row per frame. `matrix` (2×3, row-major) maps frame pixels to crop pixels, `inverse`
    # back; null, like `png`, where the frame has no face.
    "aligned": _columns(
        frame=pa.int32(),
        png=pa.binary(),
        matrix=pa.list_(pa.float64(), 6),
        inverse=pa.list_(pa.float64(), 6),
    ),
    # One row per speaker: who they are for the face model `model`, in standard deviations, from how
    # many frames of how many clips.
    "identities": _columns(
        dataset=pa.string(),
        speaker=pa.string(),
        model=pa.string(),
        shape=pa.list_(pa.float32()),
        clips_used=pa.int32(),
        frames_used=pa.int32(),
    ),
    # One row per frame: coefficients as in `stccl.face3d.model.FaceCoefficients`, null where the
    # frame has no face or the fit misses it; eyes look straight ahead, as landmarks do not tell.
    # `residual` is the mean distance of the model's 68 points from the landmarks over the distance
    # of the outer corners of the eyes; null without a face. `focal_px`, `centre_px` (x, y; the
    # picture's corner at 0) and `distance_m` are the camera of `stccl.render.camera.Camera`.
    # `light` (9 spherical harmonics × RGB, row-major, as `stccl.face3d.shading` has them) and
    # `photometric_residual` (of the visible skin's colours, 1 from black to white) are null where
    # the fit did not look at the pictures. `texture` (albedo) and `detail` (wrinkles, where they
    # can be drawn) are DECA's codes, null with other models.
    "faces3d": _columns(
        *("shape", "expression", "jaw", "eyes", "rotation", "translation", "residual"),
        *("light", "photometric_residual", "texture", "detail"),
        frame=pa.int32(),
        **{
            name: pa.list_(pa.float32())
            for name in ("shape", "expression", "jaw", "eyes", "rotation", "translation")
        },
        residual=pa.float32(),
        light=pa.list_(pa.float32(), 27),
        photometric_residual=pa.float32(),
        texture=pa.list_(pa.float32(), 50),
        detail=pa.list_(pa.float32(), 128),
        focal_px=pa.float64(),
        centre_px=pa.list_(pa.float64(), 2),
        distance_m=pa.float64(),
    ),
    # One row per step of a warping path between two clips that say the same words. `step_cost`
    # is the feature distance at this step, `cost` the mean over the path.
    "pairs": _columns(
        pair=pa.string(),
        source=pa.string(),
        target=pa.string(),
        dataset=pa.string(),
        speaker=pa.string(),
        words=pa.string(),
        source_emotion=pa.string(),
        target_emotion=pa.string(),
        split=pa.string(),
        step=pa.int32(),
        source_frame=pa.int32(),
        target_frame=pa.int32(),
        step_cost=pa.float32(),
        cost=pa.float32(),
    ),
    # One row per clip a model made, as `stccl.generate.plan.Manipulation`; `frames_changed` of its
    # `frames` show another expression than the source, the others had no fitted face.
    "generated": _columns(
        *("target",),
        name=pa.string(),
        source=pa.string(),
        dataset=pa.string(),
        speaker=pa.string(),
        emotion=pa.string(),
        setting=pa.string(),
        reference=pa.string(),
        target=pa.string(),
        media_path=pa.string(),
        frames=pa.int32(),
        frames_changed=pa.int32(),
    ),
    # One row per generated clip and measure; see `stccl.evaluation`. `run` is the model's; the
    # sources themselves are judged as run `source`. `value` is null where a clip has none.
    "judgements": _columns(
        "value",
        run=pa.string(),
        supervision=pa.string(),
        seed=pa.int64(),
        name=pa.string(),
        setting=pa.string(),
        emotion=pa.string(),
        speaker=pa.string(),
        measure=pa.string(),
        value=pa.float64(),
    ),
    # One row per clip and emotion whose perfect manipulation is known and filmed.
    "targets": _columns(
        source=pa.string(), emotion=pa.string(), level=pa.int32(), media_path=pa.string()
    ),
    # One row per aligned frame pair (spatial) or window starting there (temporal) looked at.
    # `metric` is spatial or temporal, `weights` trained or untrained; similarities are means over
    # regions, levels and window, cosine or Pearson over channels, in [-1, 1].
    "evaluation": _columns(
        pair=pa.string(),
        speaker=pa.string(),
        source_emotion=pa.string(),
        target_emotion=pa.string(),
        split=pa.string(),
        step=pa.int32(),
        metric=pa.string(),
        weights=pa.string(),
        positive_cosine=pa.float64(),
        negative_cosine=pa.float64(),
        positive_pearson=pa.float64(),
        negative_pearson=pa.float64(),
    ),
    # What is known of a made clip. One row per frame of it: `points` are 68 landmarks x0 y0 x1 …
    # in 300-W order, pixels of the frame, the middle of the first at 0; the rest is as in
    # `stccl.actors.performance.Motion`, row by row.
    "truth_frames": _columns(
        frame=pa.int32(),
        time_s=pa.float64(),
        points=pa.list_(pa.float32()),
        **{
            name: pa.list_(pa.float32())
            for name in (
                "expression",
                "jaw",
                "eyes",
                "rotation",
                "translation",
                "visemes",
                "speech",
                "action_units",
            )
        },
    ),
    # One row per phoneme, as `stccl.actors.performance.PhonemeRow`.
    "truth_phonemes": _columns(
        name=pa.string(),
        start_s=pa.float64(),
        end_s=pa.float64(),
        word=pa.string(),
        viseme=pa.string(),
    ),
    # One row per frame of each take of a sentence and each other take of it: `target_frame` shows
    # the same moment of the sentence; between two frames it is no whole number.
    "truth_maps": _columns(
        source_emotion=pa.string(),
        source_level=pa.int32(),
        target_emotion=pa.string(),
        target_level=pa.int32(),
        source_frame=pa.int32(),
        target_frame=pa.float64(),
    ),
    # One row per clip (or pair) a stage could not use.
    "rejected": _columns(
        clip=pa.string(),
        reason=pa.string(),
        detail=pa.string(),
        next_step=pa.string(),
        fingerprint=pa.string(),
    ),
}
