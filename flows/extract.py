"""`python -m flows.extract`: pictures and sound of every clip."""

from flows.stage import main, per_clip

STAGE = per_clip("stccl.extract.stage:STAGE", "extract", faces="frames")

if __name__ == "__main__":
    main(STAGE)
