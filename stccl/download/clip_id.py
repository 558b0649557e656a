"""Ids of clips: readable, unique, and safe as file names everywhere."""

import hashlib
import re
import unicodedata

_LONGEST = {"dataset": 24, "speaker": 32, "emotion": 20, "level": 10, "sentence": 40, "take": 18}
_HASH_CHARS = 10
# '-' separates parts, '~' pairs of clips; '+' marks a changed part, so no untouched one has it.
_SAFE = re.compile(r"[A-Za-z0-9_]+")


def clip_id(
    dataset: str, speaker: str, emotion: str, level: int, sentence: str, take: str = ""
) -> str:
    """`<dataset>-<speaker>-<emotion>-<level>-<sentence>[-<take>]`, at most 150 characters.

    A part that is not plain ASCII letters, digits and underscores, or is too long, is made so and
    gets a hash of what it was, so that different clips keep different ids.

    >>> clip_id("mead", "M003", "angry", 3, "036")
    'mead-M003-angry-3-036'
    >>> clip_id("folder", "Zoë", "happy", 1, "a/b", "2")
    'folder-Zoe+c6a1269858-happy-1-a_b+c14cddc033-2'
    """
    parts = {
        "dataset": dataset,
        "speaker": speaker,
        "emotion": emotion,
        "level": str(level),
        "sentence": sentence,
    }
    if take:
        parts["take"] = take
    return "-".join(_safe(text, _LONGEST[name]) for name, text in parts.items())


def _safe(text: str, longest: int) -> str:
    if _SAFE.fullmatch(text) and len(text) <= longest:
        return text
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^A-Za-z0-9]+", "_", plain).strip("_")
    # Paths can hold bytes that are no text (surrogates); they count too.
    digest = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:_HASH_CHARS]
    return f"{slug[: longest - _HASH_CHARS - 1]}+{digest}"
