"""`python -m flows.fit`: a 3-D face in every frame."""

import shutil

from flows.stage import CHUNKS_PER_WORKER, Folders, Stage, main, per_clip
from stccl import perclip
from stccl.params import Params
from stccl.perclip import Summary
from stccl.runner import Runner

_CLIPS = per_clip("stccl.fit.stage:STAGE", "fit")


def work(params: Params, folders: Folders, runner: Runner) -> Summary:
    """Find out who each speaker is, then fit every clip; DECA does both at once."""
    if params.fit.model == "deca":
        identities = folders.data / "identities"
        shutil.rmtree(identities, ignore_errors=True)  # another model's
        identities.mkdir(parents=True)
    else:
        speakers = perclip.run(
            "stccl.fit.identities:STAGE",
            folders.data,
            params.fit,
            runner,
            max_rejected=1.0,  # their clips are rejected in what follows
            chunk_items=params.run.chunk_clips,
            most_chunks=CHUNKS_PER_WORKER * params.run.workers,
        )
        print(speakers)
    summary = _CLIPS.work(params, folders, runner)
    assert isinstance(summary, Summary)
    return summary


STAGE = Stage("fit", "fit", work, faces="faces3d")

if __name__ == "__main__":
    main(STAGE)
