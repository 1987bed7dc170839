#!/bin/sh
# Runs in the build container: makes, once, an interpreter that has the factory, and hands the step to it.
set -eu
home=/factory/python
if [ ! -e "$home/ready" ]; then
  python=
  for tag in cp313 cp312 cp314 cp311; do
    [ -n "$python" ] || ! [ -x "/opt/python/$tag-$tag/bin/python" ] || python=/opt/python/$tag-$tag/bin/python
  done
  [ -n "$python" ] || { echo "factory: this image has no Python 3.11 to 3.14 under /opt/python" >&2; exit 1; }
  "$python" -m venv "$home"
  "$home/bin/python" -m pip install --quiet --no-deps --require-hashes -r /project/factory/data/locks/factory.txt
  echo /project > "$("$home/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/project.pth"
  : > "$home/ready"
fi
exec "$home/bin/python" -I -m factory.build.container.inside "$@"
