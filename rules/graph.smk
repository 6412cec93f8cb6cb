"""Every stage of dvc.yaml as one rule, for a look at the graph or a run without DVC."""

TARGETS = [out for spec in STAGES.values() for out in output_names(spec)]


def declared(name):
    """An output as Snakemake wants it: a folder unless its name has a suffix."""
    return name if Path(name).suffix else directory(name)


for _name, _spec in STAGES.items():

    rule:
        name:
            _name
        input:
            [dep for dep in _spec["deps"] if dep.startswith(("data/", "models/"))],
        output:
            [declared(out) for out in output_names(_spec)],
        params:
            command=_spec["cmd"],
        shell:
            "{params.command}"
