"""Fine-tuning with TRL, preference pairs, batched local generation.

Importing this package (before torch) makes OpenMP threads sleep at barriers instead of spinning:
spinning beside one other busy process made matrix products nine times slower on two cores.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
