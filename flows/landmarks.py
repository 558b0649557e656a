"""`python -m flows.landmarks`: face boxes and points in every frame."""

from flows.stage import main, per_clip

STAGE = per_clip("stccl.landmarks.stage:STAGE", "landmarks", faces="landmarks")

if __name__ == "__main__":
    main(STAGE)
