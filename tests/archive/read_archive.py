"""Prints the SHA-256 and the name of each file of an archive: `read_archive.py zip a.zip`, `read_archive.py tar -`."""

import hashlib
import sys
import tarfile
import zipfile


def show(name, content):
    digest = hashlib.sha256()
    while chunk := content.read(1 << 20):
        digest.update(chunk)
    print(digest.hexdigest(), name)


kind, path = sys.argv[1:]
sys.stdout.reconfigure(encoding="utf-8")
if kind == "zip":
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            if not entry.is_dir():
                # Reads to the end, and so checks the CRC-32.
                show(entry.filename, archive.open(entry))
else:
    with tarfile.open(fileobj=sys.stdin.buffer, mode="r|") if path == "-" else tarfile.open(path) as archive:
        for entry in archive:
            if entry.isfile():
                show(entry.name, archive.extractfile(entry))
