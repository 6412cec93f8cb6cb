"""Models in memory and on disk: what serving, sampling and training stand on.

registry.py, hub.py, fetch.py, convert.py  which checkpoints there are, and getting one
device.py, attention.py, chat.py           loading one; its number type; its chat template
engine.py                                  batched generation; an answer depends on its own request only (docs/llm.md)
kv_cache.py, sampling.py                   keys and values of unfinished answers; what is asked of one, and drawn
recorded.py                                recordings that stand for a teacher
workers.py, prefix_queue.py                engines side by side, a process each; what waits is grouped by prompt

Importing this package (before torch) makes OpenMP threads sleep at barriers instead of spinning: spinning beside one
other busy process made matrix products nine times slower on two cores.

May import: nothing but the spine.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
