"""Stands in for attestations: nothing is signed, the sha256 of each subject is noted.

The program ``gh`` that the jobs find answers ``gh attestation verify`` from those notes, and nothing else. All machines
here pass as GitHub's own.
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
import argparse, hashlib, json, os, pathlib, sys

match sys.argv[1:]:
    case ["attestation", "verify", file, *words]:
        pass
    case words:
        sys.exit(f"the rehearsal's gh does not know: gh {{' '.join(words)}}")
parser = argparse.ArgumentParser(allow_abbrev=False)
for name in ("repo", "signer-workflow", "source-ref", "source-digest", "signer-digest", "bundle"):
    parser.add_argument(f"--{{name}}")
parser.add_argument("--deny-self-hosted-runners", action="store_true")
asked = vars(parser.parse_args(words))
bundle, hosted = asked.pop("bundle"), asked.pop("deny_self_hosted_runners")
if not (bundle or os.environ.get("GH_TOKEN") or os.environ.get("GITHUB_TOKEN")):
    print("gh: To use GitHub CLI in a GitHub Actions workflow, set the GH_TOKEN environment variable.", file=sys.stderr)
    sys.exit(4)
digest = hashlib.sha256(pathlib.Path(file).read_bytes()).hexdigest()
wanted = {{name: value for name, value in asked.items() if value}}
for line in pathlib.Path(bundle or {attested!r}).read_text().splitlines():
    said = json.loads(line)
    if said["sha256"] == digest and all(said[name] == value for name, value in wanted.items()):
        sys.exit()
sys.exit(f"no attestation by {{wanted}} for sha256:{{digest}}")
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
    source, workflow = call.place.run.source, call.place.workflow
    said = {
        "repo": source.repository,
        "signer_workflow": f"{source.repository}/{workflow['workflow_file_path']}",
        "source_ref": f"refs/heads/{source.branch}",
        "source_digest": source.sha,
        "signer_digest": workflow["workflow_sha"],
    }
    notes = "".join(json.dumps({"sha256": sha256_of(one), **said}) + "\n" for one in subjects)
    with call.place.run.attested.open("a") as attested:
        attested.write(notes)
    bundle = machine.temp / "attestation.json"
    bundle.write_text(notes)
    machine.say(f"attested: {', '.join(subject.name for subject in subjects)}")
    return {"bundle-path": str(bundle)}


ATTEST = Action(
    inputs={"subject-path": None, "show-summary": "true", "github-token": ""},
    outputs=("bundle-path", "attestation-id", "attestation-url"),
    act=_attest,
)
