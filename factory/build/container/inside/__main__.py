"""``python -m factory.build.container.inside STEP``: runs a step and leaves word of its failure for outside."""

from __future__ import annotations

import os
import sys

from factory.build.container.inside import step
from factory.build.container.messages import MARK, to_json
from factory.build.container.spec import CACHE, PROJECT, ContainerJob
from factory.errors import FactoryError
from factory.output.console import Console
from factory.output.log import Log

_STEPS = {
    "note": step.note_kernels,
    "kernels": step.compile_kernels,
    "setup": step.set_up,
    "environment": step.prepare_test,
    "test": step.test,
}


class _Marked(Log):
    """Puts a mark before each line, by which the factory outside tells its own lines from all others."""

    def say(self, text: str) -> None:
        super().say(f"{MARK}{text}")


def main(name: str) -> int:
    """Run the step ``name``; return the exit status.

    A FactoryError is left for the factory outside and printed, not raised. Raises KeyError for a step there is not.
    """
    try:
        _STEPS[name](step.read(os.environ, _Marked(Console(terminal=False))))
    except FactoryError as error:
        run = ContainerJob.from_json((PROJECT / "job.json").read_text()).run
        (CACHE / "logs" / f"{run}.error.json").write_text(to_json(error))
        sys.stderr.write(f"{error}\n")
        return error.status
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
