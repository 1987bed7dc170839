"""What ``actions/cache`` keeps from one run to the next."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from factory.system import process

LIMIT = 5 * 10**9  # bytes; GitHub keeps 10 GB for a repository and drops what was not used for longest
_KEY = "key.json"


@dataclass(frozen=True)
class Caches:
    """Entries below ``root``, each for a key and the paths it was saved with."""

    root: Path

    def find(self, keys: list[str], paths: str) -> str | None:
        """Give the key of the entry that GitHub would take: the first key exactly, else the newest one of a prefix."""
        ours = sorted(self._entries(paths), key=lambda entry: entry[1], reverse=True)
        for key in keys:
            for match in (key.__eq__, lambda kept, key=key: kept.startswith(key)):
                if found := next((kept for kept, _ in ours if match(kept)), None):
                    return found
        return None

    def restore(self, key: str, paths: str, targets: list[Path]) -> None:
        entry = self._entry(key, paths)
        (entry / _KEY).touch()
        for number, target in enumerate(targets):
            if (entry / str(number)).exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                _copy(entry / str(number), target)

    def save(self, key: str, paths: str, sources: list[Path]) -> bool:
        """Keep ``sources``; an entry is never changed, and False says that there is one."""
        entry = self._entry(key, paths)
        if entry.exists():
            return False
        new = entry.with_name(f".{entry.name}")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        for number, source in enumerate(sources):
            if source.exists():
                _copy(source, new / str(number))
        about = {"key": key, "paths": paths, "saved": time.time()}
        (new / _KEY).write_text(json.dumps(about))
        new.rename(entry)
        self._drop_oldest()
        return True

    def _entry(self, key: str, paths: str) -> Path:
        return self.root / hashlib.sha256(f"{key}\n{paths}".encode()).hexdigest()[:16]

    def _entries(self, paths: str) -> list[tuple[str, float]]:
        kept = [json.loads(file.read_text()) for file in self.root.glob(f"[!.]*/{_KEY}")]
        return [(one["key"], one["saved"]) for one in kept if one["paths"] == paths]

    def _drop_oldest(self) -> None:
        newest_first = sorted(self.root.glob(f"[!.]*/{_KEY}"), key=lambda file: file.stat().st_mtime, reverse=True)
        total = 0
        for file in newest_first:
            total += sum(one.lstat().st_size for one in file.parent.rglob("*"))
            if total > LIMIT:
                shutil.rmtree(file.parent)


def _copy(source: Path, target: Path) -> None:
    done = process.run(["cp", "-a", "-T", source, target])
    if not done.ok:
        raise OSError(done.stderr)
