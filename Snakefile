"""The fan-out of one stage, or the whole graph; no stage, path or edge is named here.

With a plan (a stage script passes it): one job per shard of that stage, then one that merges them.
Without: every stage of dvc.yaml as a rule, for `snakemake -n` and `snakemake --rulegraph`.
Both read dvc.yaml through xinstruct.plan. Finished work is what the scratch folder says, so
Snakemake's own lock and modification times decide nothing.
"""

import sys
from pathlib import Path

from xinstruct.plan import Plan, graph, output_names

PYTHON = sys.executable

if "plan" in config:
    PLAN = Plan.load(Path(config["plan"]))

    include: "rules/shards.smk"

else:
    STAGES = graph()

    include: "rules/graph.smk"


# Stands here and not in an included file, where default_target is dropped and nothing would run.
rule all:
    default_target: True
    input:
        TARGETS,
