"""The workflows hold together: with each other, with the noxfile, with what the verbs take and give, with the pins."""

from __future__ import annotations

import ast
import fnmatch
import itertools
import json
import pkgutil
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from factory.cli.parser import parser
from factory.data import DATA
from factory.environment.ownenv import LOCK, OwnEnvironment
from factory.github.attestation import BRANCH
from factory.matrix import cells
from factory.matrix.kernelset import need_of
from factory.matrix.load import load as load_matrix
from factory.plan import workflow
from tests.frozen import MATRIX

ROOT = Path(__file__).parents[1]
GITHUB = ROOT / ".github"
WORKFLOWS = {path.name: path.read_text() for path in sorted((GITHUB / "workflows").glob("*.yml"))}
ACTIONS = {path.parent.name: path.read_text() for path in sorted((GITHUB / "actions").glob("*/action.yml"))}
PARSED: dict[str, dict[str, Any]] = {
    name: yaml.load(text, yaml.BaseLoader)  # noqa: S506 - `on` is no boolean here, and BaseLoader makes but strings
    for name, text in WORKFLOWS.items()
}
COMPOSITES: dict[str, dict[str, Any]] = {name: yaml.safe_load(text) for name, text in ACTIONS.items()}
PINS = {row["name"]: row for row in tomllib.loads((DATA / "actions.toml").read_text())["actions"]}
JOBS = [(name, key, job) for name, flow in PARSED.items() for key, job in flow["jobs"].items()]
STEPS = [
    *((f"{name} {key}", job, step) for name, key, job in JOBS for step in job.get("steps", ())),
    *((name, {}, step) for name, action in COMPOSITES.items() for step in action["runs"]["steps"]),
]
SCRIPTS = [(where, job, step) for where, job, step in STEPS if "run" in step]
CALLS = [(name, key, job) for name, key, job in JOBS if "uses" in job]
SELF = "$/.github/"
WRITES = {
    "factory.yml kernels": {"id-token", "attestations"},
    "kernels.yml first": {"id-token", "attestations"},
    "kernels.yml second": {"id-token", "attestations"},
    "kernels.yml third": {"id-token", "attestations"},
    "kernels-round.yml kernels": {"id-token", "attestations"},
    "factory.yml gpu_test": {"id-token", "attestations"},
    "gpu-test.yml attest": {"id-token", "attestations"},
    "factory.yml wheel": {"id-token", "attestations"},
    "wheel.yml build": {"id-token", "attestations"},
    "factory.yml pool": {"id-token", "attestations"},
    "pool.yml pool": {"id-token", "attestations"},
    "factory.yml publish": {"contents"},
    "factory.yml publish_kernels": {"contents"},
    "factory.yml deploy": {"pages", "id-token"},
    "update.yml update": {"issues"},
    "release.yml build": {"id-token", "attestations"},
    "release.yml publish": {"contents"},
}
RELEASE = "release.yml publish"  # GitHub's own program, in a job that has nothing else
TOKENS = {
    "factory.yml plan",
    "factory.yml publish",
    "factory.yml publish_kernels",
    "factory.yml index",
    "update.yml update",
    RELEASE,
}
# What stands in a variable when a step runs.
VALUES = {
    "SELECTOR": "cu124 torch2.6",
    "CELLS": "fa2.8.3.post2 cu130 torch2.11 cp312 abiTRUE",
    "PROFILE": "smoke",
    "SHARD": "1/4",
    "ARCHS": "8.0,9.0+PTX",
    "WHEEL": "flash_attn-2.8.3.whl",
    "TAG": "factory-v0.1.0",
    "GITHUB_OUTPUT": "/runner/output",
    "RUNNER_TEMP": "/runner/temp",
    "RUN_PAGE": "https://github.com/owner/repo/actions/runs/7",
}
RULES = load_matrix(MATRIX.read_bytes().replace(b"\n  gpu: []", b"\n  gpu: [gpu]"))
RUNNER = workflow.read_runner(tomllib.loads((DATA / "runner.toml").read_text()))


def expressions(value: object) -> Iterator[str]:
    """Give what stands between ``${{`` and ``}}`` anywhere in ``value``."""
    yield from re.findall(r"\$\{\{(.*?)\}\}", json.dumps(value))


def references(value: object, context: str) -> set[str]:
    return {name for text in expressions(value) for name in re.findall(rf"\b{context}\.([\w.-]+)", text)}


def needed(job: dict[str, Any]) -> list[str]:
    named = job.get("needs", [])
    return [named] if isinstance(named, str) else list(named)


def called(job: dict[str, Any]) -> str:
    return str(job["uses"]).removeprefix(f"{SELF}workflows/")


def outputs(name: str, key: str) -> set[str]:
    job = PARSED[name]["jobs"][key]
    return set(PARSED[called(job)]["on"]["workflow_call"]["outputs"] if "uses" in job else job.get("outputs", {}))


def planned() -> dict[str, Any]:
    chosen = [row.cell for row in cells.expand(RULES, profile="full") if row.cell.torch in {"2.6", "2.9", "2.10"}]
    seconds = dict.fromkeys((need_of(cell, RULES).label for cell in chosen), 3.5 * RUNNER.shard_seconds)
    return {name: json.loads(text) for name, text in workflow.outputs(chosen, seconds, RULES, RUNNER).items()}


# Actions


def test_every_action_is_pinned_as_the_list_says() -> None:
    used = re.findall(r"^[ -]*uses: (.*)", "\n".join([*WORKFLOWS.values(), *ACTIONS.values()]), re.MULTILINE)
    foreign = {text for text in used if not text.startswith(SELF)}
    assert foreign == {f"{name}@{pin['commit']} # {pin['version']}" for name, pin in PINS.items()}


@pytest.mark.parametrize("name", PINS)
def test_every_pin_was_seen_in_two_places(name: str) -> None:
    assert re.fullmatch(r"[0-9a-f]{40}", PINS[name]["commit"])
    assert re.fullmatch(r"v\d+\.\d+\.\d+", PINS[name]["version"])
    owners = {place.split("/")[0] for place in PINS[name]["seen"]}
    assert len(owners - {"actions"}) > 1


def test_our_own_actions_and_workflows_are_there() -> None:
    used = re.findall(r"uses: \$/(.*)", "\n".join(WORKFLOWS.values()))
    assert used
    for path in used:
        assert (ROOT / path).is_file() or (ROOT / path / "action.yml").is_file()


# What is run


@pytest.mark.parametrize(("where", "job", "step"), SCRIPTS)
def test_a_script_has_its_variables_from_the_environment(where: str, job: dict[str, Any], step: dict[str, Any]) -> None:
    assert "${{" not in step["run"], where
    given = {*job.get("env", {}), *step.get("env", {})}
    used = set(re.findall(r"\$\{?([A-Z_]+)", step["run"]))
    assert {name for name in used - given if not name.startswith(("GITHUB_", "RUNNER_"))} == set()
    assert {name for name in step.get("env", {}) if name != "GITHUB_TOKEN"} <= used


def nox_calls() -> Iterator[tuple[str, list[str]]]:
    for _, _, step in SCRIPTS:
        for line in step["run"].splitlines():
            if line.startswith("nox "):
                command = line.partition(" > ")[0]
                words = shlex.split(re.sub(r"\$([A-Z_]+)", lambda found: VALUES[found[1]], command))
                assert words[1] == "-s"
                yield words[2], words[4:]
                assert words[3:4] in ([], ["--"])


def sessions() -> set[str]:
    tree = ast.parse((ROOT / "noxfile.py").read_text())
    return {one.name for one in ast.walk(tree) if isinstance(one, ast.FunctionDef) and one.decorator_list}


@pytest.mark.parametrize(("session", "words"), tuple(nox_calls()))
def test_a_step_is_a_nox_session_that_takes_what_it_is_given(session: str, words: list[str]) -> None:
    assert session in sessions()
    if session in {"lint", "tests", "e2e_torch"}:
        assert not words
    elif session in {"docs", "release"}:
        pkgutil.resolve_name(f"project.{session}").parser().parse_args(words)
    else:
        parser().parse_args([session, *words])  # exits where it does not


def test_verbs_nox_sessions_and_subcommands_have_the_same_names() -> None:
    verbs = set(re.findall(r"^ {2}([a-z]\w+)(?: |$)", parser().format_help(), re.MULTILINE))
    tree = ast.parse((ROOT / "noxfile.py").read_text())
    functions = [one for one in tree.body if isinstance(one, ast.FunctionDef)]
    calling = {
        one.name
        for one in functions
        if any(
            re.match(r"_verb\(session\)|session.run\('python', '-m', 'factory'", ast.unparse(line)) for line in one.body
        )
    }
    assert verbs == calling
    assert {verb for verb in verbs if not list((ROOT / "factory").glob(f"*/{verb}.py"))} == set()


# Rights and limits


@pytest.mark.parametrize("name", PARSED)
def test_a_workflow_has_no_right_of_its_own(name: str) -> None:
    assert PARSED[name]["permissions"] == {}
    assert "secrets: inherit" not in WORKFLOWS[name]
    assert "pull_request_target" not in PARSED[name]["on"]


@pytest.mark.parametrize(("name", "key", "job"), JOBS)
def test_a_job_has_the_rights_it_needs_and_an_end(name: str, key: str, job: dict[str, Any]) -> None:
    where = f"{name} {key}"
    assert {scope for scope, right in job["permissions"].items() if right == "write"} == WRITES.get(where, set())
    assert ("GITHUB_TOKEN" in json.dumps(job)) is (where in TOKENS)
    assert references(job, "secrets") <= {"GITHUB_TOKEN"}
    assert "uses" in job or int(job["timeout-minutes"]) <= 350  # GitHub ends a job after 360
    assert (job.get("environment") == "publish") is (WRITES.get(where) == {"contents"})


def test_only_the_step_that_asks_github_has_the_token() -> None:
    for where, _, step in STEPS:
        if "GITHUB_TOKEN" in json.dumps(step):
            assert "GITHUB_TOKEN" in step["env"], where
            assert where == RELEASE or re.match(r"nox -s (plan|publish|index|update)\b", step["run"]), where


def test_checkouts_leave_no_token_behind() -> None:
    checkouts = [step["with"] for _, _, step in STEPS if step.get("uses", "").startswith("actions/checkout@")]
    assert {row["persist-credentials"] for row in checkouts} == {"false"}


def test_a_pull_request_reaches_only_github_s_own_machines() -> None:
    reached = [flow for flow in PARSED.values() if "pull_request" in flow["on"]]
    assert reached == [PARSED["ci.yml"]]
    assert {job.get("runs-on") for job in PARSED["ci.yml"]["jobs"].values()} == {"ubuntu-24.04"}


def test_what_is_signed_was_made_by_the_workflow_s_own_commit() -> None:
    own = "job.workflow_repository != github.repository || job.workflow_sha != github.sha"
    signing = {name for name, flow in PARSED.items() if "actions/attest-build-provenance" in json.dumps(flow)}
    assert signing == {"wheel.yml", "pool.yml", "kernels-round.yml", "gpu-test.yml", "release.yml"}
    callable_ = {name for name in signing if "workflow_call" in PARSED[name]["on"]}
    assert signing - callable_ == {"release.yml"}
    for name, key, job in (row for row in JOBS if row[0] in callable_):
        refusal, second = job["steps"][:2]
        assert own in refusal["if"], (name, key)
        assert refusal["run"].endswith("exit 1\n")
        if second["uses"].startswith("actions/checkout@"):
            assert second["with"]["repository"] == "${{ job.workflow_repository }}"
            assert second["with"]["ref"] == "${{ job.workflow_sha }}"
        else:
            assert second["with"]["artifact-ids"] == "${{ needs.test.outputs.artifact }}"


def test_kernels_are_taken_only_with_their_attestation() -> None:
    imports = [words for session, words in nox_calls() if [session, *words[:1]] == ["pool", "import"]]
    assert len(imports) == 4
    assert all(words[1] == "--attested" for words in imports)
    publishing = [words for session, words in nox_calls() if session == "publish"]
    assert len(publishing) == 2
    assert all("--attested" in words for words in publishing)


def test_nothing_is_published_of_kernels_that_came_out_with_other_bytes() -> None:
    jobs = PARSED["factory.yml"]["jobs"]
    assert "reproduce" in jobs["publish"]["needs"]
    assert "needs.reproduce.result != 'failure'" in jobs["publish"]["if"]
    assert "reproduce" in jobs["publish_kernels"]["needs"]
    assert "needs.reproduce.result == 'success'" in jobs["publish_kernels"]["if"]


def test_documentation_is_made_apart_and_put_into_a_folder_of_its_own() -> None:
    jobs = PARSED["factory.yml"]["jobs"]
    assert jobs["docs"]["permissions"] == {"contents": "read"}
    (upload,) = (step for step in jobs["docs"]["steps"] if step.get("uses", "").startswith("actions/upload-artifact@"))
    steps = jobs["index"]["steps"]
    (taken,) = (step for step in steps if step.get("uses", "").startswith("actions/download-artifact@"))
    assert taken["with"] == {"name": upload["with"]["name"], "path": "site/docs", "digest-mismatch": "error"}
    assert taken["if"] == "${{ needs.docs.result == 'success' }}"  # no page holds the index back
    assert "docs" not in jobs["index"]["if"]
    written = next(place for place, step in enumerate(steps) if "nox -s index" in step.get("run", ""))
    assert written < steps.index(taken)


def test_publication_takes_artifacts_by_their_digest() -> None:
    for where, job, step in STEPS:
        if "publish" in str(job.get("environment")) and step.get("uses", "").startswith("actions/download-artifact@"):
            assert step["with"]["digest-mismatch"] == "error", where


def test_the_machine_with_the_gpu_gets_no_right_but_reading() -> None:
    test = PARSED["gpu-test.yml"]["jobs"]["test"]
    assert (test["permissions"], test["runs-on"]) == ({"contents": "read"}, "${{ fromJSON(inputs.runner) }}")
    own = {key: job for key, job in PARSED["factory.yml"]["jobs"].items() if "runs-on" in job}
    again = own.pop("reproduce")  # where kernels are compiled, and as little of a right
    assert (again["permissions"], again["runs-on"]) == (
        {"contents": "read"},
        "${{ fromJSON(needs.plan.outputs.build_runner) }}",
    )
    runners = {job["runs-on"] for job in own.values()}
    assert runners == {PARSED["gpu-test.yml"]["jobs"]["attest"]["runs-on"]} == {"ubuntu-24.04"}


def test_what_jobs_run_with_is_checked_by_hash() -> None:
    (install,) = (step for step in COMPOSITES["nox"]["runs"]["steps"] if "pip" in step.get("run", ""))
    assert re.findall(r"pip .* install (.*)", install["run"]) == ['--quiet --no-deps --require-hashes -r "$LOCK"']
    assert (ROOT / install["env"]["LOCK"]).read_text().count("--hash=sha256:") > 20
    own = OwnEnvironment(root=ROOT, place=ROOT / ".nox" / "factory")
    for uv in ("uv", None):
        (command,) = (step.argv for step in own.steps(uv, {"PIP_CONFIG_FILE": "/dev/null"}) if "install" in step.argv)
        assert command[-4:] == ("--no-deps", "--require-hashes", "-r", str(LOCK))
    assert (ROOT / LOCK).read_text().count("--hash=sha256:") > 20
    tree = ast.parse((ROOT / "noxfile.py").read_text())
    unlocked = {one.name for one in tree.body if isinstance(one, ast.FunctionDef) and "install" in ast.unparse(one)}
    written = {where for where, rights in WRITES.items() if rights}
    run = {where: re.findall(r"nox -s (\w+)", step["run"]) for where, _, step in SCRIPTS}
    assert not {verb for where in written for verb in run.get(where, ())} & (unlocked - {"_make", "_locked"})
    (making,) = (one for one in tree.body if isinstance(one, ast.FunctionDef) and one.name == "_make")
    installs = [one for one in ast.walk(making) if isinstance(one, ast.Call) and "install" in ast.unparse(one.func)]
    assert [ast.unparse(one.args[0]) for one in installs] == ["*step.argv"]
    (locked,) = (one for one in tree.body if isinstance(one, ast.FunctionDef) and one.name == "_locked")
    words = "'--quiet', '--no-deps', '--require-hashes', '-r', f'factory/data/locks/{group}.txt'"
    assert [ast.unparse(line) for line in locked.body] == [f"session.install({words})"]
    for name in ("docs", "release"):
        assert (DATA / "locks" / f"{name}.txt").read_text().count("--hash=sha256:") > 10


def test_only_the_branch_main_publishes() -> None:
    assert set(PARSED["factory.yml"]["on"]) == {"workflow_dispatch", "schedule"}
    for key in ("publish", "index"):
        assert f"github.ref == '{BRANCH}'" in PARSED["factory.yml"]["jobs"][key]["if"]
    for key in ("publish_kernels", "deploy"):
        assert set(needed(PARSED["factory.yml"]["jobs"][key])) & {"publish", "index"}


def test_the_factory_itself_is_released_from_main_by_its_own_commit_alone() -> None:
    flow = PARSED["release.yml"]
    assert set(flow["on"]) == {"workflow_dispatch"}
    build, publish = flow["jobs"]["build"], flow["jobs"]["publish"]
    assert build["steps"][0]["if"] == f"${{{{ github.ref != '{BRANCH}' }}}}"
    assert build["steps"][0]["run"].endswith("exit 1\n")
    assert build["steps"][1]["with"] == {"persist-credentials": "false"}  # of the commit that was started, no other
    assert needed(publish) == ["build"]
    assert publish["if"] == f"${{{{ github.ref == '{BRANCH}' }}}}"
    download, create = publish["steps"]  # nothing else runs where releases may be written
    assert download["with"]["name"] == build["steps"][-1]["with"]["name"] == "release"
    assert '--target "$GITHUB_SHA"' in create["run"]
    assert re.search(r'if gh api .*git/ref/tags/\$TAG"; then\n.*\n +exit 1\n', create["run"])


def test_what_is_released_of_the_factory_is_attested_file_by_file() -> None:
    steps = PARSED["release.yml"]["jobs"]["build"]["steps"]
    (attest,) = (step for step in steps if step.get("uses", "").startswith("actions/attest-build-provenance@"))
    subjects = attest["with"]["subject-path"].split()
    sent = PARSED["release.yml"]["jobs"]["publish"]["steps"][1]["run"]
    assert set(re.findall(r"dist/\*\.[\w.]+", sent)) == set(subjects) == {"dist/*.whl", "dist/*.tar.gz"}


def test_a_round_ends_its_compiles_well_before_github_ends_it() -> None:
    (minutes,) = (words[words.index("--minutes") + 1] for session, words in nox_calls() if session == "kernels")
    limit = int(PARSED["kernels-round.yml"]["jobs"]["kernels"]["timeout-minutes"])
    assert RUNNER.shard_seconds / 60 < int(minutes) < limit - 30


# What is handed on


@pytest.mark.parametrize(("name", "key", "job"), CALLS)
def test_a_called_workflow_gets_the_inputs_it_has(name: str, key: str, job: dict[str, Any]) -> None:
    inputs = PARSED[called(job)]["on"]["workflow_call"]["inputs"]
    assert {one for one, row in inputs.items() if row.get("required")} <= set(job["with"]) <= set(inputs), (name, key)


@pytest.mark.parametrize(("name", "key", "job"), JOBS)
def test_what_a_job_reads_is_there(name: str, key: str, job: dict[str, Any]) -> None:
    inputs = {one for row in PARSED[name]["on"].values() if isinstance(row, dict) for one in row.get("inputs", {})}
    assert references(job, "inputs") <= inputs, key
    for read in references(job, "needs"):
        other, _, rest = read.partition(".")
        assert other in needed(job)
        assert rest == "result" or rest.removeprefix("outputs.") in outputs(name, other)
    ids = {step["id"] for step in job.get("steps", ()) if "id" in step}
    assert {read.split(".")[0] for read in references(job, "steps")} <= ids


def test_a_called_workflow_gives_what_its_jobs_give() -> None:
    for name, flow in PARSED.items():
        for read in references(flow["on"], "jobs"):
            key, _, output = read.partition(".outputs.")
            assert output in outputs(name, key)


def test_the_plan_gives_what_the_jobs_read() -> None:
    given = planned()
    jobs = PARSED["factory.yml"]["jobs"]
    assert set(jobs["plan"]["outputs"]) == set(given)
    for job in jobs.values():
        for axis, source in job.get("strategy", {}).get("matrix", {}).items():
            (output,) = references(source, "needs")
            fields = {read.removeprefix(f"{axis}.") for read in references(job, "matrix")}
            assert fields <= set(given[output.removeprefix("plan.outputs.")][0])


# Artifacts


def filled(text: str, **values: str) -> str:
    return re.sub(r"\$\{\{ [a-z]+\.(?:[a-z]+\.)?([a-z]+) \}\}", lambda found: values[found[1]], text)


def artifact(where: str, action: str, number: int = 0) -> str:
    found = [
        step["with"].get("name") or step["with"]["pattern"]
        for place, _, step in STEPS
        if place == where and step.get("uses", "").startswith(f"actions/{action}-artifact@")
    ]
    return str(found[number])


def test_each_set_s_jobs_get_the_artifacts_of_its_shards_and_no_others() -> None:
    given = planned()
    template = artifact("kernels-round.yml kernels", "upload")
    rounds = {
        filled(template, name=shard["name"], round=number): shard["name"].rpartition("-")[0].rsplit("-", 2)[0]
        for shard, number in itertools.product(given["kernels"], "123")
    }
    assert len(rounds) == 3 * len(given["kernels"])
    assert {wheel["kernels"] for wheel in given["wheels"]} == {one["name"] for one in given["sets"]}
    for wheel in given["wheels"]:
        pattern = filled(artifact("wheel.yml build", "download"), kernels=wheel["kernels"])
        mine = {name for name, owner in rounds.items() if owner == wheel["kernels"]}
        assert set(fnmatch.filter(rounds, pattern)) == mine
        assert pattern == filled(artifact("pool.yml pool", "download"), name=wheel["kernels"])


def test_what_is_published_of_a_set_is_what_was_put_together_and_attested() -> None:
    made = filled(artifact("pool.yml pool", "upload"), name="a")
    assert filled(artifact("factory.yml publish_kernels", "download"), name="a") == made
    rounds = [filled(artifact("kernels-round.yml kernels", "upload"), name="a-1-of-1", round="1")]
    assert not fnmatch.filter([made], filled(artifact("pool.yml pool", "download"), name="a"))
    assert not fnmatch.filter(rounds, made)


def test_a_round_gets_what_the_rounds_before_it_made_of_the_same_shard() -> None:
    up, down = (artifact("kernels-round.yml kernels", action) for action in ("upload", "download"))
    made = [filled(up, name=name, round=number) for name in ("a-1-of-1", "a-1-of-12", "b-1-of-1") for number in "12"]
    assert fnmatch.filter(made, filled(down, name="a-1-of-1")) == made[:2]


def test_wheels_and_verdicts_reach_publication() -> None:
    given = planned()
    wheels = {filled(artifact("wheel.yml build", "upload"), name=one["name"]) for one in given["wheels"]}
    verdicts = [filled(artifact("gpu-test.yml test", "upload"), name=one["name"]) for one in given["gpu_tests"]]
    assert {filled(artifact("gpu-test.yml test", "download"), wheel=one["wheel"]) for one in given["gpu_tests"]} <= (
        wheels
    )
    assert len(set(verdicts)) == len(verdicts) > 0
    everything = {*wheels, *verdicts, "kernels-a-1-of-1-1", "github-pages-1"}
    fetched = [fnmatch.filter(everything, artifact("factory.yml publish", "download", number)) for number in (0, 1)]
    assert (set(fetched[0]), set(fetched[1])) == (wheels, set(verdicts))


def test_an_upload_may_be_repeated() -> None:
    for where, _, step in STEPS:
        if step.get("uses", "").startswith("actions/upload-artifact@"):
            assert step["with"]["overwrite"] == "true", where
            assert int(step["with"]["retention-days"]) <= 7


# The threat model


def test_each_test_that_the_threat_model_names_is_there() -> None:
    rows = [line for line in (ROOT / "docs" / "threat-model.md").read_text().splitlines() if line.startswith("| ")]
    named = {name for row in rows for name in re.findall(r"`(test_\w+)`", row.split(" | ")[-1])}
    there = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^(?:async )?def (test_\w+)", path.read_text(), re.MULTILINE)
    }
    assert len(named) > 25
    assert named <= there
    assert [row for row in rows if "`test_" not in row and not row.startswith("| attack")] == []
