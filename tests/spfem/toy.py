"""A backbone that learns nothing and darkens the frames it changes."""

from stccl.errors import ClipRejected, StcclError
from stccl.spfem.backbone import Emotion
from stccl.tables.frames import FrameReader


class Toy:
    speakers = ("toys-Ann", "toys-Bob")

    def manipulate(self, data, clip, speaker, style):
        if speaker not in self.speakers:
            raise StcclError(f"{clip}: nobody called {speaker}")
        if isinstance(style, Emotion) and style.name != "happy":
            raise StcclError(f"no emotion {style.name!r}; expected one of happy")
        if "bad" in clip:
            raise ClipRejected("no_fit", f"{clip} has no face", "look at it")
        with FrameReader(data / "frames" / f"{clip}.parquet", "frames") as frames:
            for number, frame in enumerate(frames):
                yield (frame, False) if number == 0 else (frame // 2, True)


def pretrain(lesson, metric, folder):
    folder.mkdir(parents=True)


def train(lesson, metric, meshes, images, pretrained, folder):
    folder.mkdir(parents=True)


def load(folder):
    if not folder.is_dir():
        raise StcclError(f"{folder}: no trained model")
    return Toy()
