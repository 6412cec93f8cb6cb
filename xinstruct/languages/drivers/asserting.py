"""Runs program.py as the main module and reports that its last statement was reached."""

import os
import sys
import types


def main():
    with open("plan.json", encoding="utf-8") as handle:
        nonce = handle.read()
    try:
        os.unlink("plan.json")
    except OSError:
        pass
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
