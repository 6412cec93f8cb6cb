"""What all tests need of the process that they run in."""

from __future__ import annotations

import signal

# A test run started in the background inherits SIGINT ignored, and so would every program that it starts and
# interrupts; what is tested is Ctrl-C at a terminal.
signal.signal(signal.SIGINT, signal.default_int_handler)
