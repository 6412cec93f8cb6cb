"""Access to the student's checkpoints for sampling: in this process, or at a server (params.yaml's student.sampling).

A server's answers are kept in the journal under the hash of the checkpoint's files, so that answers of a retrained
checkpoint are never confused with the old one's, and the server may move. That it serves exactly these weights is the
user's promise: it must list a model of the checkpoint's name (``models/sft``: sft).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from xinstruct.files import BadInput, hash_path
from xinstruct.llm.client import Client
from xinstruct.llm.local import LocalModel
from xinstruct.params import LOCAL, Sampling, StudentParams, at_hand


def place(sampling: Sampling, checkpoint: str) -> str:
    """Return where a checkpoint is sampled: "local", or the URL of a server."""
    if isinstance(sampling, str):
        return sampling
    return next((url for name, url in sampling.items() if name == checkpoint), LOCAL)


def open_student(folder: Path, student: StudentParams, stage: str, account: Path) -> Client | LocalModel:
    """Open the checkpoint in `folder` for `stage`. `account`: a file for the cost of a server's calls.

    Raises BadInput when the folder holds no checkpoint, or the server serves no model of its name.
    """
    url = place(student.sampling, folder.name)
    if url == LOCAL:
        return LocalModel(folder, student.dtype)
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
