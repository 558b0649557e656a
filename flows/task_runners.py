"""Where the tasks of a flow run: threads, processes, Dask or Ray."""

import logging
from typing import Any

from prefect.task_runners import ProcessPoolTaskRunner, TaskRunner, ThreadPoolTaskRunner

from stccl.errors import StageError


def task_runner(name: str, workers: int) -> TaskRunner[Any]:
    """The task runner called `name` in `run.task_runner`.

    Raises:
        StageError: Where the package behind it is not installed.
    """
    if name == "threads":
        return ThreadPoolTaskRunner(max_workers=workers)
    if name == "processes":
        return ProcessPoolTaskRunner(max_workers=workers)
    try:
        if name == "dask":
            from prefect_dask import DaskTaskRunner

            dask: TaskRunner[Any] = DaskTaskRunner(
                cluster_kwargs={
                    "n_workers": workers,
                    "threads_per_worker": 1,
                    "dashboard_address": None,  # it would listen on every interface
                    "silence_logs": logging.ERROR,
                }
            )
            return dask
        from prefect_ray import RayTaskRunner

        ray: TaskRunner[Any] = RayTaskRunner(
            init_kwargs={
                "num_cpus": workers,
                "include_dashboard": False,
                "log_to_driver": False,
                "logging_level": logging.ERROR,
                "_node_ip_address": "127.0.0.1",
            }
        )
        return ray
    except ImportError:
        raise StageError(
            f"run.task_runner: {name} needs a package more; run `pip install -e '.[{name}]'`"
        ) from None
