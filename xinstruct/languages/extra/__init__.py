"""Languages beyond the paper's eight, one module each like those. No stage of the default graph uses them."""

DATA_FILES = ("*.py", "drivers/*")
