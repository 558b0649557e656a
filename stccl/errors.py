"""The two ways things go wrong: one clip cannot be used, or a whole stage cannot run."""


class StcclError(Exception):
    """A problem a person can solve; its message is one line: what is wrong and what to do."""


class ParamsError(StcclError):
    """`params.yaml` (or a dataset card) holds something unknown or impossible."""


class StageError(StcclError):
    """A stage cannot run, or too many of its clips are bad."""


class ClipRejected(StcclError):
    """One clip cannot be used. It costs that clip: the stage records it and goes on.

    Args:
        reason: Short snake_case name of the kind of problem, such as ``no_video_stream``.
            Counted in summaries and the report, so the same problem always has the same reason.
        detail: What was found in this clip, with numbers and units.
        next_step: What a person can do about it.
    """

    def __init__(self, reason: str, detail: str, next_step: str) -> None:
        super().__init__(f"{reason}: {detail}; {next_step}")
        self.reason = reason
        self.detail = detail
        self.next_step = next_step

    def __reduce__(self) -> tuple[type["ClipRejected"], tuple[str, str, str]]:
        # Rejections travel between processes; the default would call __init__ with one argument.
        return (ClipRejected, (self.reason, self.detail, self.next_step))
