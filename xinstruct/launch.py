"""Stages that compute in several processes: each runs the stage's work, the first alone writes and reports.

``sft.processes: 2`` in params.yaml makes the stage start itself again under torchrun. Started by hand under torchrun or
`accelerate launch` (on several machines), a stage joins the others, if their number is the parameter's.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

from xinstruct.files import BadInput
from xinstruct.plan import Plan
from xinstruct.processes import cores, world


def join(plan: Plan) -> None:
    """Execute the stage again under torchrun if it wants several processes and is alone.

    Raises BadInput when it was started in another number of processes than its parameter says.
    """
    wanted = int(plan.params.get(plan.stage, {}).get("processes", 1))
    if wanted > 1 and "RANK" not in os.environ:
        os.environ.setdefault("OMP_NUM_THREADS", str(max(1, cores() // wanted)))
        command = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(wanted)]
        os.execv(sys.executable, [sys.executable, *command, "-m", f"stages.{plan.stage}"])
    if world() != wanted:
        raise BadInput(
            f"started as {world()} processes, but {plan.stage}.processes is {wanted}: batches count per process, "
            "so set it to their number"
        )


def follow(plan: Plan, context: Any, work: Callable[[Any], None]) -> None:
    """Do a further process's part of the work, of which nothing is written."""
    if not all(plan.part(shard).exists() for shard in range(plan.shards)):
        work(context)
