"""Speech with phoneme times: always the same, and errors that say what to do."""

import hashlib
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from stccl.actors.espeak import Request, synthesise
from stccl.actors.speaker import Speaker
from stccl.actors.utterance import say
from stccl.errors import StageError

KIDS = Request("<speak>Kids are talking by the door.</speak>", "en-us+m3", 165, 50, 50)
DOGS = Request("<speak>Dogs are sitting by the door.</speak>", "en-us+f1", 200, 70, 20)


def test_what_was_said_before_is_not_heard():
    first, other, again = synthesise(KIDS), synthesise(DOGS), synthesise(KIDS)
    assert first.phonemes == again.phonemes
    np.testing.assert_array_equal(first.samples, again.samples)
    assert len(other.samples) != len(first.samples)


def test_noise_does_not_depend_on_the_clock():
    whisper = replace(KIDS, voice="en-us+whisper")
    first = synthesise(whisper)
    time.sleep(1.1)  # unseeded, espeak-ng's noise changes every second
    np.testing.assert_array_equal(first.samples, synthesise(whisper).samples)


def test_every_process_gives_the_same_bytes():
    script = (
        "import hashlib\n"
        "from stccl.actors.speaker import Speaker\n"
        "from stccl.actors.utterance import say\n"
        "for sentence in ('002', '001'):\n"
        "    said = say(Speaker('W001', 5), sentence, 'fear', 2)\n"
        "print(hashlib.sha256(said.samples.tobytes() + repr(said.phonemes).encode()).hexdigest())"
    )
    there = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    said = say(Speaker("W001", 5), "001", "fear", 2)
    here = hashlib.sha256(said.samples.tobytes() + repr(said.phonemes).encode()).hexdigest()
    assert there.stdout.strip() == here, there.stderr


def test_phonemes_have_names_times_and_the_place_of_their_word():
    said = synthesise(KIDS)
    assert said.sample_rate_hz == 22050
    names = " ".join(phoneme.name for phoneme in said.phonemes)
    assert names.startswith("k 'I d z A@ t 'O: k I N b aI D @2 d 'o@")
    samples = [phoneme.sample for phoneme in said.phonemes]
    assert samples == sorted(samples)
    assert samples[-1] <= len(said.samples)
    words = [KIDS.ssml[phoneme.position :].split()[0] for phoneme in said.phonemes[:16]]
    expected = ["Kids"] * 4 + ["are"] + ["talking"] * 5 + ["by"] * 2 + ["the"] * 2
    assert words == [*expected, "door.</speak>", "door.</speak>"]


def test_the_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(StageError, match=r"espeakng-loader.*pip install 'stccl\[actors\]'"):
        synthesise(KIDS)


def test_an_unknown_voice_is_named():
    with pytest.raises(StageError, match="en-nowhere"):
        synthesise(Request(KIDS.ssml, "en-nowhere", 165, 50, 50))


def test_broken_data_are_named(monkeypatch, tmp_path):
    import espeakng_loader

    monkeypatch.setattr(espeakng_loader, "get_data_path", lambda: str(tmp_path))
    with pytest.raises(StageError, match="no speech for en-us"):
        synthesise(KIDS)
