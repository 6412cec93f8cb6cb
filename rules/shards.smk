"""The shards of one stage, then the job that merges them and writes the stage's outputs."""

WORK = PLAN.work
PARTS = [str(PLAN.part(shard)) for shard in range(PLAN.shards)]
TARGETS = [f"{WORK}/finished"]
THREADS = int(PLAN.resources.get("threads", 1))
RESOURCES = {name: value for name, value in PLAN.resources.items() if name != "threads"}


rule shard:
    output:
        directory(f"{WORK}/part-{{shard}}-of-{PLAN.shards:04d}"),
    log:
        f"{WORK}/log/{{shard}}.log",
    threads: THREADS
    resources:
        **RESOURCES,
    params:
        python=PYTHON,
        stage=PLAN.stage,
        plan=config["plan"],
        index=lambda wildcards: int(wildcards.shard),
    shell:
        "{params.python} -m stages.{params.stage} --plan {params.plan} --shard {params.index}"
        " > >(tee {log}) 2> >(tee -a {log} >&2)"


rule merge:
    input:
        PARTS,
    output:
        f"{WORK}/finished",
    localrule: True
    params:
        python=PYTHON,
        stage=PLAN.stage,
        plan=config["plan"],
    shell:
        "{params.python} -m stages.{params.stage} --plan {params.plan} --finish && touch {output}"
