"""NED as a whole; what it makes of clips is tested with the stages that train and use it."""

import subprocess
import sys


def test_who_manipulates_does_not_wait_for_what_trains():
    code = (
        "import sys, stccl.spfem.ned.backbone\n"
        "assert not {'lightning_fabric', 'torchmetrics', 'torch._dynamo'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
