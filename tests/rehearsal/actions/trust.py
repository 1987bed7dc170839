"""Stands in for attestations: nothing is signed, the sha256 of each subject is noted.

The program ``gh`` that the jobs find answers ``gh attestation verify`` from those notes, and nothing else.
"""

from __future__ import annotations

import json
import shlex
import sys

from factory.system.files import sha256_of
from tests.rehearsal.artifacts import Refused
from tests.rehearsal.found import find
from tests.rehearsal.run import Run
from tests.rehearsal.steps import Action, Call

# Exit statuses are gh's: 4 without a token, 1 where nothing fits.
_GH = """\
#!{python} -I
import hashlib, json, os, pathlib, sys

match sys.argv[1:]:
    case ["attestation", "verify", file, "--repo", repository]:
        signer = None
    case ["attestation", "verify", file, "--repo", repository, "--signer-workflow", signer]:
        pass
    case words:
        sys.exit(f"the rehearsal's gh does not know: gh {{' '.join(words)}}")
if not (os.environ.get("GH_TOKEN") or os.environ.get("GITHUB_TOKEN")):
    print("gh: To use GitHub CLI in a GitHub Actions workflow, set the GH_TOKEN environment variable.", file=sys.stderr)
    sys.exit(4)
digest = hashlib.sha256(pathlib.Path(file).read_bytes()).hexdigest()
for line in pathlib.Path({attested!r}).read_text().splitlines():
    of, source, workflow = json.loads(line)
    if of == digest and source == repository and signer in (None, workflow):
        sys.exit()
sys.exit(f"no attestation of {{repository}} by {{signer or 'any workflow'}} for sha256:{{digest}}")
"""


def put_gh(run: Run) -> None:
    """Put ``gh`` where the jobs find it."""
    program = run.programs / "gh"
    program.write_text(_GH.format(python=sys.executable, attested=str(run.attested)))
    program.chmod(0o755)


def _attest(call: Call) -> dict[str, str]:
    """Note the subjects' sha256, and the repository and workflow that built them."""
    for scope in ("id-token", "attestations"):
        call.place.need(scope, "write")
    machine = call.place.machine
    subjects = find(call.inputs["subject-path"], machine.workspace, machine.home, hidden=True).files
    if not subjects:
        raise Refused(f"no subject is at {shlex.quote(call.inputs['subject-path'])}")
    repository = call.place.run.source.repository
    signer = f"{repository}/{call.place.workflow['workflow_file_path']}"
    with call.place.run.attested.open("a") as attested:
        attested.writelines(json.dumps([sha256_of(one), repository, signer]) + "\n" for one in subjects)
    machine.say(f"attested: {', '.join(subject.name for subject in subjects)}")
    return {}


ATTEST = Action(
    inputs={"subject-path": None, "show-summary": "true", "github-token": ""},
    outputs=("bundle-path", "attestation-id", "attestation-url"),
    act=_attest,
)
