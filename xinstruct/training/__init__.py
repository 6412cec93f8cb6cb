"""Fine-tuning with TRL: SFT, preference pairs, DPO.

May import: models, code.
"""

import xinstruct.models  # noqa: F401 (before torch: it says how threads wait for each other)
