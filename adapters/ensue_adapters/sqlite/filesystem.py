"""Refuses files that lie on a network: SQLite's shared memory and locks do not work there."""

from __future__ import annotations

from pathlib import Path

from ensue_core.errors import StoreUnavailable

NETWORK = frozenset(
    {
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "ncpfs",
        "afs",
        "9p",
        "ceph",
        "glusterfs",
        "lustre",
        "gpfs",
        "beegfs",
    }
    | {"fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.s3fs", "fuse.gcsfuse", "fuse.rclone", "fuse.davfs"}
)
_MOUNTS = Path("/proc/self/mounts")


def refuse_network(path: Path) -> None:
    """Raise `StoreUnavailable` where the file's directory is mounted from another machine."""
    kind = kind_of_mount(path.parent)
    if kind in NETWORK:
        raise StoreUnavailable(
            f"{path} lies on a network file system ({kind}), where SQLite loses data under concurrent use: "
            "choose a local disk, or a server store for several hosts (?force_network=1 where only one "
            "process ever uses it)"
        )


def kind_of_mount(directory: Path, mounts: Path = _MOUNTS) -> str:
    """Return the type of the file system that a directory lies on; "" where the system does not say."""
    try:
        lines = mounts.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    best, kind = -1, ""
    for line in lines:
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = Path(fields[1].replace("\\040", " "))
        if directory.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), fields[2]
    return kind
