"""Speech with phoneme times by espeak-ng, the same bytes for the same request."""

import importlib
import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from stccl.errors import StageError

_PROCESS = Path(__file__).with_name("espeak_process.py")


@dataclass(frozen=True)
class Request:
    """What espeak-ng is to say.

    Attributes:
        ssml: Text with Speech Synthesis Markup.
        voice: Language and variant, such as `en-us+m3`.
        rate_wpm: Words per minute, 80 to 450.
        pitch: 0 to 99; 50 is the variant's own.
        pitch_range: 0 (monotone) to 100; 50 is the variant's own.
    """

    ssml: str
    voice: str
    rate_wpm: int
    pitch: int
    pitch_range: int


@dataclass(frozen=True)
class PhonemeEvent:
    """Where a phoneme begins.

    Attributes:
        name: espeak-ng's, with a leading `'` or `,` where stressed; `_` and `_:` are pauses.
        sample: First sample.
        position: Where in the SSML its word, or the first of words spoken as one, begins.
    """

    name: str
    sample: int
    position: int


@dataclass(frozen=True)
class Speech:
    """What espeak-ng said.

    Attributes:
        samples: (N,) int16, mono.
        sample_rate_hz: 22050 for its own voices.
        phonemes: In time.
    """

    samples: npt.NDArray[np.int16]
    sample_rate_hz: int
    phonemes: tuple[PhonemeEvent, ...]


def synthesise(request: Request) -> Speech:
    """Say it, in a fresh process, so that nothing said before is heard in it.

    Raises:
        StageError: Where the optional package is missing, or espeak-ng fails, with its message.
    """
    try:
        loader = importlib.import_module("espeakng_loader")
    except ImportError:
        raise StageError(
            "the actors' voices need the package espeakng-loader; "
            "install it with `pip install 'stccl[actors]'`"
        ) from None
    where = {"library": loader.get_library_path(), "data": loader.get_data_path()}
    done = subprocess.run(
        [sys.executable, "-I", "-S", _PROCESS],
        input=json.dumps(asdict(request) | where).encode(),
        capture_output=True,
    )
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        reason = lines[-1] if lines else f"it ended with {done.returncode}"
        raise StageError(f"no speech for {request.voice}: {reason}")
    header, _, pcm = done.stdout.partition(b"\n")
    answer = json.loads(header)
    return Speech(
        np.frombuffer(pcm, dtype="<i2").astype(np.int16),
        answer["sample_rate_hz"],
        tuple(PhonemeEvent(*event) for event in answer["phonemes"]),
    )
