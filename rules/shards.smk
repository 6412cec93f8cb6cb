"""The shards of one stage, then the job that merges them and writes the stage's outputs."""

WORK = PLAN.work
PARTS = [str(PLAN.part(shard)) for shard in range(PLAN.shards)]
TARGETS = [f"{WORK}/finished"]
THREADS = int(PLAN.resources.get("threads", 1))
# Snakemake tells numeric libraries one thread, and other sums come out of one thread than of all: unless the stage
# names its threads, it takes what it would take without Snakemake, so that the bytes are the same.
NUMERIC = ("OMP", "MKL", "OPENBLAS", "GOTO", "VECLIB_MAXIMUM", "NUMEXPR")
NAMES = " ".join(f"{name}_THREADS" if "MAXIMUM" in name else f"{name}_NUM_THREADS" for name in NUMERIC)
UNSET = "" if "threads" in PLAN.resources else f"unset {NAMES}; "
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
        unset=UNSET,
    shell:
        "{params.unset}{params.python:q} -m stages.{params.stage} --plan {params.plan:q} --shard {params.index}"
        " > >(tee {log:q}) 2> >(tee -a {log:q} >&2)"


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
        "{params.python:q} -m stages.{params.stage} --plan {params.plan:q} --finish && touch {output:q}"
