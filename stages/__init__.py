"""One runnable script per stage of the graph in dvc.yaml."""
