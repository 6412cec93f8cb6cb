"""A disk that fills while a stage works: a clear message, nothing half-written, and running again goes on."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.stages.helpers import beside_filter, large, project, run_stage, sample, write_samples
from xinstruct.files import read_records

pytestmark = pytest.mark.slow

Resize = Callable[[int], None]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[tuple[Path, Resize]]:
    """A small file system of its own and a way to change its size in KB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(place)], capture_output=True)
    if os.geteuid() or mounted.returncode:
        pytest.skip("only root can mount a disk to fill")

    def resize(kilobytes: int) -> None:
        subprocess.run(["mount", "-o", f"remount,size={kilobytes}k", str(place)], check=True)

    yield place, resize
    subprocess.run(["umount", "-l", str(place)], check=True)


def used(place: Path) -> int:
    info = os.statvfs(place)
    return (info.f_blocks - info.f_bfree) * info.f_frsize // 1024


@pytest.mark.parametrize("free", [0, 64, 200])
def test_a_full_disk_is_named_and_the_next_run_goes_on(disk: tuple[Path, Resize], free: int) -> None:
    place, resize = disk
    root = project(place)
    noise = [os.urandom(2900).hex() for _ in range(60)]  # what does not compress
    write_samples(root, "deduplicate", [sample(i, f"{large(i)}# {text}\n") for i, text in enumerate(noise)])
    beside_filter(root, {})
    resize(used(place) + free)
    failed = run_stage(root, "filter", ok=False)
    assert "the disk is full" in failed.stderr, failed.stderr[-2000:]
    assert "Traceback" not in failed.stderr
    assert not (root / "data" / "filter").exists()
    resize(64 * 1024)
    run_stage(root, "filter")
    assert len(read_records(root / "data" / "filter" / "samples.parquet", "samples")) == len(noise)
