"""`python -m flows.align`: every face warped onto the canonical one."""

from flows.stage import main, per_clip

STAGE = per_clip("stccl.align.stage:STAGE", "align", faces="aligned")

if __name__ == "__main__":
    main(STAGE)
