"""Languages beyond the paper's eight: no stage of the default graph uses them; each is one module, as the eight are."""

DATA_FILES = ("*.py", "drivers/*")
