"""The student's checkpoints as they are sampled: in this process, or at a server (params.yaml's student.sampling).

What is asked of a server is kept in the journal under the hash of the checkpoint's files, so that answers of a
checkpoint that was trained anew are never taken for the old one's, and the server may move. That it serves
these very weights is the user's word: it must list a model of the checkpoint's name (``models/sft``: sft).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from xinstruct.files import BadInput, hash_path
from xinstruct.llm.client import Client
from xinstruct.llm.local import LocalModel
from xinstruct.params import LOCAL, Sampling, at_hand


def place(sampling: Sampling, checkpoint: str) -> str:
    """Where a checkpoint is sampled: "local", or the URL of a server."""
    if isinstance(sampling, str):
        return sampling
    return next((url for name, url in sampling.items() if name == checkpoint), LOCAL)


def open_student(folder: Path, sampling: Sampling, stage: str, account: Path) -> Client | LocalModel:
    """The checkpoint in `folder`, to be asked by `stage`. `account`: a file for what a server's calls took.

    Raises BadInput when the folder holds no checkpoint, or the server serves no model of its name.
    """
    url = place(sampling, folder.name)
    if url == LOCAL:
        return LocalModel(folder)
    if not folder.is_dir():
        raise BadInput(f"{folder}: no such folder; run the stage that makes it (dvc repro)")
    # How patiently a server is asked changes no answer, so a stage's results do not depend on that section.
    params = replace(
        at_hand().teacher,
        served_as=folder.name,
        identity=f"student sha256:{hash_path(folder)}",
        dialect="auto",
        on_length="keep",
    )
    return Client(params, stage=stage, account=account, url=url)
