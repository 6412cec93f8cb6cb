"""Tables and figures from what the pipeline wrote."""
