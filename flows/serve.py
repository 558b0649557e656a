"""`python -m flows.serve`: the Prefect UI with the pipeline and every stage in it.

A run started there is worked on by this process, in the project's folder. Where no Prefect server
answers yet, one is started on this machine, for this machine alone, and ends with this process.
"""

import asyncio
import os
import signal
import sys
from typing import Any

from flows.own_server import DEFAULT_API, running_server
from flows.pipeline import stages_after
from flows.server import configured_api, quieten_prefect
from flows.stage import ended_in_one_line


def main() -> None:
    """Serve until interrupted."""
    names = sorted({stage.split("@")[0] for stage in stages_after()})
    url = configured_api() or DEFAULT_API
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell ignores it
    signal.signal(signal.SIGTERM, _interrupt)
    os.environ["PREFECT_API_URL"] = url
    quieten_prefect(console=False)
    try:
        with running_server(url):
            _offer(names, url.removesuffix("/").removesuffix("/api"))
    except KeyboardInterrupt:
        print("\nserve: ended")


def _offer(names: list[str], ui: str) -> None:
    from prefect.deployments.runner import RunnerDeployment
    from prefect.runner import Runner

    from flows.pipeline_flow import pipeline

    class Interruptible(Runner):
        def handle_sigterm(self, *_: Any) -> None:
            """As Ctrl-C: the runner's own way leaves its runs behind."""
            _interrupt()

    def deployment(name: str, description: str, **parameters: Any) -> RunnerDeployment:
        offered = pipeline.to_deployment(name, parameters=parameters, description=description)
        assert isinstance(offered, RunnerDeployment)  # a coroutine only where the caller is one
        return offered

    # Two runs at once would work on the same files.
    runner = Interruptible(name="stccl", limit=1)
    runner.add_deployment(deployment("all", "Bring everything up to date"))
    for name in names:
        runner.add_deployment(deployment(name, f"Bring {name} up to date", stages=[name]))
    print(f"The pipeline is at {ui}/deployments; Ctrl-C ends it.", flush=True)
    asyncio.run(runner.start())


def _interrupt(*_: Any) -> None:
    signal.raise_signal(signal.SIGINT)


if __name__ == "__main__":
    sys.exit(ended_in_one_line("serve", main))
