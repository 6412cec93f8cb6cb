"""Runs program.py as the main module and reports that its last statement was reached."""

import contextlib
import os
import sys
import types


def main() -> None:
    """Read and remove the nonce, run the program, print the nonce."""
    with open("plan.json", encoding="utf-8") as handle:
        nonce = handle.read()
    with contextlib.suppress(OSError):
        os.unlink("plan.json")
    out, write, flush = os.dup(1), os.write, sys.stdout.flush
    sys.argv = ["program.py"]
    with open("program.py", encoding="utf-8") as handle:
        source = handle.read()
    module = types.ModuleType("__main__")
    module.__file__ = "program.py"
    sys.modules["__main__"] = module
    exec(compile(source, "program.py", "exec"), module.__dict__)
    flush()
    write(out, f"\n{nonce}\tend\n".encode())


main()
