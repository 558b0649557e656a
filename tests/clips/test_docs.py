"""`docs/datasets.md` keeps its promises: its card, as printed, adds a dataset."""

import re
from pathlib import Path

from ruamel.yaml import YAML

from stccl.clip import read_clips
from stccl.clips import stage as clips
from stccl.download import stage as download
from stccl.download.card import read_card
from stccl.params import Params, read_yaml

ROOT = Path(__file__).parents[2]
EXAMPLES = re.findall(
    r"```yaml\n(.*?)```", (ROOT / "docs/datasets.md").read_text(encoding="utf-8"), re.DOTALL
)


def test_the_example_card_adds_a_dataset_without_code(tmp_path):
    (card,) = [example for example in EXAMPLES if "pattern:" in example]
    cards = tmp_path / "datasets"
    (cards / "studio").mkdir(parents=True)
    (cards / "studio" / "card.yaml").write_text(card, encoding="utf-8")
    session = tmp_path / "session"
    for folder, ending in (("recordings", "mov"), ("sound", "wav")):
        (session / folder).mkdir(parents=True)
        for speaker in ("anna", "ben"):
            for spoken in ("ruhig_1", "wut_2", "freude_3"):
                (session / folder / f"{speaker}_{spoken}_satz04.{ending}").write_bytes(b"")
    dataset = {"root": str(session), "protocol": "all"}
    values = read_yaml(ROOT / "params.yaml") | {"datasets": {"studio": dataset}}
    params = Params.parse(values, where="test")
    summary = download.run("studio", tmp_path / "data", params, cards=cards)
    assert (summary.clips, summary.ignored) == (6, ())
    assert sum(clips.run(tmp_path / "data", params, cards).pairs.values()) == 4
    found = {clip.clip: clip for clip in read_clips(tmp_path / "data")}
    angry = found["studio-anna-angry-2-04"]
    assert angry.media_path.endswith("recordings/anna_wut_2_satz04.mov")
    assert angry.audio_path.endswith("sound/anna_wut_2_satz04.wav")


def test_the_examples_name_cards_and_protocols_there_are():
    named = 0
    for example in EXAMPLES:
        datasets = YAML(typ="safe", pure=True).load(example).get("datasets", {})
        for name, values in datasets.items():
            assert values["protocol"] in read_card(name, ROOT / "datasets").protocols
            named += 1
    assert named >= 4
