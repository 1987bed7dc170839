#!/usr/bin/env bash
# pip 23.0.1 (in Python 3.10's and 3.11's ensurepip): an index that offers METADATA by PEP 658 makes a right wheel unusable.
#
# Expected: `data-dist-info-metadata` saves a download and changes nothing else.
# Seen: where METADATA says `Name: some_thing`, as setuptools writes it for a project that calls itself so, pip refuses the
# wheel as of another name; the same page without the attribute installs it, and pip 23.2.1 takes both.
set -euo pipefail
cd "$(mktemp -d)"
python3 - <<'P'
import hashlib, pathlib, zipfile
info, metadata = "some_thing-1.0.dist-info", "Metadata-Version: 2.1\nName: some_thing\nVersion: 1.0\n"
name = "some_thing-1.0-py3-none-any.whl"
with zipfile.ZipFile(name, "w") as wheel:
    wheel.writestr("some_thing.py", "")
    wheel.writestr(f"{info}/METADATA", metadata)
    wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    wheel.writestr(f"{info}/RECORD", f"some_thing.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
digest = hashlib.sha256(metadata.encode()).hexdigest()
for index, offered in ("offers", f' data-dist-info-metadata="sha256={digest}"'), ("silent", ""):
    page = pathlib.Path(index, "some-thing")
    page.mkdir(parents=True)
    (page / name).write_bytes(pathlib.Path(name).read_bytes())
    (page / f"{name}.metadata").write_text(metadata)
    (page / "index.html").write_text(f'<!DOCTYPE html><html><body><a href="{name}"{offered}>{name}</a></body></html>')
P
python3 -u -m http.server --bind 127.0.0.1 0 > port 2>/dev/null &
trap 'kill %1' EXIT
until grep -q 'port [0-9]' port; do sleep 0.2; done
here=http://127.0.0.1:$(grep -oE 'port [0-9]+' port | grep -oE '[0-9]+')
for version in 23.0.1 23.2.1; do
  python3 -m venv "$version"
  "$version/bin/python" -m pip install --quiet "pip==$version"
  for index in offers silent; do
    if "$version/bin/python" -m pip install --target "$version-$index" --index-url "$here/$index/" some-thing > said 2>&1; then
      echo "pip $version, index $index: installed"
    else
      echo "pip $version, index $index: refused: $(grep -m1 -i inconsistent said)"
    fi
  done
done | tee seen
diff <(cut -d: -f1,2 seen) - <<'W' || { echo 'changed'; exit 1; }
pip 23.0.1, index offers: refused
pip 23.0.1, index silent: installed
pip 23.2.1, index offers: installed
pip 23.2.1, index silent: installed
W
