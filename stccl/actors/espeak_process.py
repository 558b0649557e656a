"""One utterance of espeak-ng in a process of its own: a request as JSON in, phonemes and PCM out.

espeak-ng keeps state from one utterance to the next (the phase of its wave, its noise), so the
second of two equal requests to one process sounds a little different. In a fresh process the same
request gives the same bytes. Run as a script, without site packages: it starts in some 20 ms.
"""

import ctypes
import json
import sys
from typing import Any

_SYNCHRONOUS = 2
_PHONEME_EVENTS = 1
_UTF8 = 1
_SSML = 0x10
_RATE, _PITCH, _PITCH_RANGE = 1, 3, 4
_END, _WORD, _PHONEME = 0, 1, 7
_SEED = 1


class _Id(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    )


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


def _speak(request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    library = ctypes.CDLL(request["library"])
    sample_rate_hz = library.espeak_Initialize(
        _SYNCHRONOUS, 0, request["data"].encode(), _PHONEME_EVENTS
    )
    if sample_rate_hz <= 0:
        raise SystemExit(f"espeak-ng does not start with its data in {request['data']}")
    library.espeak_ng_SetRandSeed(ctypes.c_long(_SEED))
    samples: list[bytes] = []
    phonemes: list[tuple[str, int, int]] = []
    position = 1

    def collect(sound: Any, count: int, events: Any) -> int:
        nonlocal position
        if sound and count:
            samples.append(ctypes.string_at(sound, count * 2))
        index = 0
        while (event := events[index]).type != _END:
            if event.type == _WORD:
                position = event.text_position
            elif event.type == _PHONEME:
                phonemes.append((event.id.string.decode(), event.sample, position - 1))
            index += 1
        return 0

    callback = _Callback(collect)
    library.espeak_SetSynthCallback(callback)
    if library.espeak_SetVoiceByName(request["voice"].encode()):
        raise SystemExit(f"espeak-ng has no voice {request['voice']}")
    for parameter, name in ((_RATE, "rate_wpm"), (_PITCH, "pitch"), (_PITCH_RANGE, "pitch_range")):
        library.espeak_SetParameter(parameter, request[name], 0)
    text = request["ssml"].encode()
    if library.espeak_Synth(text, len(text) + 1, 0, 1, 0, _UTF8 | _SSML, None, None):
        raise SystemExit(f"espeak-ng cannot say {request['ssml']}")
    library.espeak_Synchronize()
    return {"sample_rate_hz": sample_rate_hz, "phonemes": phonemes}, b"".join(samples)


if __name__ == "__main__":
    answer, sound = _speak(json.load(sys.stdin))
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n" + sound)
