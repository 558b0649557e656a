"""`python -m flows.serve`: offer the pipeline and every stage to the Prefect UI.

A run started there is worked on by this process; it has to be started in the project's folder.
"""

import sys
from typing import Any

from flows.pipeline import stages_after
from flows.server import configured_api
from flows.stage import ended_in_one_line
from stccl.errors import StageError


def main() -> None:
    """Serve until interrupted."""
    if configured_api() is None:
        raise StageError(
            "no Prefect server is configured; run `prefect server start`, then set "
            "PREFECT_API_URL to the address it prints"
        )
    from prefect import serve
    from prefect.deployments.runner import RunnerDeployment

    from flows.pipeline_flow import pipeline

    def deployment(name: str, description: str, **parameters: Any) -> RunnerDeployment:
        offered = pipeline.to_deployment(name, parameters=parameters, description=description)
        assert isinstance(offered, RunnerDeployment)  # a coroutine only where the caller is one
        return offered

    names = sorted({stage.split("@")[0] for stage in stages_after()})
    serve(
        deployment("all", "Bring everything up to date"),
        *(deployment(name, f"Bring {name} up to date", stages=[name]) for name in names),
        limit=1,  # two runs at once would work on the same files
    )


if __name__ == "__main__":
    sys.exit(ended_in_one_line("serve", main))
