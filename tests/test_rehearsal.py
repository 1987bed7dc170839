"""Small workflows through the rehearsal: what GitHub would do with them is done, what nobody can mean breaks it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rehearsal import __main__ as rehearsal
from tests.rehearsal.language import Language, language
from tests.rehearsal.tree import Breakage
from tests.rehearsing import CHECKOUT, MAIN, Stage, logged, make_stage, results


@pytest.fixture(scope="module")
def spoken() -> Iterator[Language]:
    with language() as made:
        yield made


@pytest.fixture
def stage(tmp_path: Path, spoken: Language) -> Stage:
    return make_stage(tmp_path, spoken)


PLAN = """
plan:
  runs-on: ubuntu-24.04
  outputs:
    cells: ${{ steps.plan.outputs.cells }}
  steps:
    - id: plan
      run: |
        echo 'cells=[{"name": "one"}, {"name": "two"}]' >> "$GITHUB_OUTPUT"
"""
WHEEL = """
wheel:
  name: Wheel ${{ matrix.name }}
  needs: plan
  runs-on: ubuntu-24.04
  strategy:
    matrix:
      include: ${{ fromJSON(needs.plan.outputs.cells) }}
  steps:
    - run: mkdir dist; echo "$NAME" > dist/wheel
      env:
        NAME: ${{ matrix.name }}
    - uses: actions/upload-artifact@v7
      with:
        name: wheel-${{ matrix.name }}
        path: dist/*
"""
PUBLISH = """
publish:
  needs: wheel
  runs-on: ubuntu-24.04
  steps:
    - uses: actions/download-artifact@v8
      with:
        name: wheel-two
        path: dist
    - run: cat dist/wheel
"""


def test_outputs_matrices_and_artifacts_go_from_job_to_job(stage: Stage) -> None:
    stage.write(PLAN + WHEEL + PUBLISH)
    done, run = stage.perform()
    assert done.result == "success"
    assert results(run) == dict.fromkeys(("plan", "Wheel one", "Wheel two", "publish"), "success")
    assert "\ntwo\n" in logged(run)
    assert run.artifacts.names() == ("wheel-one", "wheel-two")
    assert run.artifacts.used == {"wheel-two"}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("needs.plan.outputs.cells", "needs.plan.outputs.wheels", "needs.plan.outputs has no wheels (it has: cells)"),
        ("steps.plan.outputs.cells", "steps.plan.outputs.cell", "steps.plan.outputs has no cell (it has: cells)"),
        ("'cells=", "'wheels=", "steps.plan.outputs has no cells (it has: wheels)"),
        ("matrix.name", "matrix.named", "matrix has no named (it has: name)"),
        ('[{"name": "one"}, {"name": "two"}]', "[]", "the matrix is empty"),
        ("needs: plan", "needs: [plan, pool]", "depends on unknown job 'pool'"),
        ("runs-on: ubuntu-24.04", "runs_on: ubuntu-24.04", "Unexpected value 'runs_on'"),
        ("runs-on: ubuntu-24.04", "runs-on: x\n  container: debian", "'container' is not rehearsed here"),
        ("path: dist/*", "paths: dist/*", "actions/upload-artifact has no input paths here"),
        ("actions/upload-artifact", "someone/upload", "nothing stands in for the action someone/upload"),
        ("env:", "shell: python\n      env:", "the shell python is not rehearsed"),
        ("$NAME", "${{ inputs.name }}", "inputs has no name (it has: nothing)"),
    ],
)
def test_what_github_would_take_for_empty_or_not_take_breaks_it(stage: Stage, old: str, new: str, told: str) -> None:
    assert old in PLAN + WHEEL
    stage.write((PLAN + WHEEL).replace(old, new))
    with pytest.raises(Breakage) as breakage:
        stage.perform()
    assert str(breakage.value).startswith(f"{MAIN}:")
    assert told in str(breakage.value)


@pytest.mark.parametrize("change", [("name: wheel-two", "name: wheel-three"), ("name: wheel-${{", "name: wheels-${{")])
def test_an_artifact_that_is_not_there_fails_the_job_that_names_it(stage: Stage, change: tuple[str, str]) -> None:
    stage.write((PLAN + WHEEL + PUBLISH).replace(*change))
    done, run = stage.perform()
    assert done.result == results(run)["publish"] == "failure"
    assert "there is no artifact wheel-" in logged(run)


def test_artifacts_of_a_pattern_may_be_none_and_are_merged_or_not(stage: Stage) -> None:
    several = """
    several:
      needs: wheel
      runs-on: ubuntu-24.04
      steps:
        - uses: actions/download-artifact@v8
          with: {pattern: nothing-*, path: none}
        - uses: actions/download-artifact@v8
          with: {pattern: wheel-*, path: each}
        - uses: actions/download-artifact@v8
          with: {pattern: wheel-*, path: all, merge-multiple: true}
        - run: find . -type f | sort
    """
    stage.write(PLAN + WHEEL + several.replace("\n    ", "\n"))
    done, run = stage.perform()
    assert done.result == "success"
    assert "\n./all/wheel\n./each/wheel-one/wheel\n./each/wheel-two/wheel\n" in logged(run)


@pytest.mark.parametrize(("overwrite", "result"), [("false", "failure"), ("true", "success")])
def test_an_artifact_s_name_is_its_own(stage: Stage, overwrite: str, result: str) -> None:
    change = ("name: wheel-${{ matrix.name }}", f"name: wheel\n        overwrite: {overwrite}")
    stage.write((PLAN + WHEEL).replace(*change))
    assert stage.perform()[0].result == result


SKIPS = """
first:
  if: github.event_name == 'push'
  runs-on: ubuntu-24.04
  steps: [{run: echo first}]
second:
  needs: first
  if: ${{ !cancelled() }}
  runs-on: ubuntu-24.04
  steps:
    - run: echo "first was ${{ needs.first.result }}"
third:
  needs: second
  runs-on: ubuntu-24.04
  steps: [{run: echo third}]
fourth:
  needs: [first, third]
  if: ${{ !failure() && needs.third.result == 'skipped' }}
  runs-on: ubuntu-24.04
  steps: [{run: echo fourth}]
"""


def test_a_job_is_skipped_with_what_it_needs_however_far_above(stage: Stage) -> None:
    stage.write(SKIPS)
    done, run = stage.perform()
    assert done.result == "success"
    assert results(run) == {"first": "skipped", "second": "success", "third": "skipped", "fourth": "success"}
    assert "first was skipped" in logged(run)


@pytest.mark.parametrize(("fail_fast", "others"), [("true", "cancelled"), ("false", "success")])
def test_one_failure_ends_a_matrix_unless_it_says_otherwise(stage: Stage, fail_fast: str, others: str) -> None:
    include = "[{status: 0}, {number: 1, status: 7}]"
    stage.write(
        f"""
        many:
          runs-on: ubuntu-24.04
          strategy:
            fail-fast: {fail_fast}
            matrix: {{number: [1, 2, 3], exclude: [{{number: 2}}], include: {include}}}
          steps:
            - run: exit ${{{{ matrix.status }}}}
        after:
          needs: many
          if: failure()
          runs-on: ubuntu-24.04
          steps:
            - run: echo "it was ${{{{ needs.many.result }}}}"
        """
    )
    done, run = stage.perform()
    assert done.result == "failure"
    assert list(results(run).values()) == ["failure", others, "success"]
    assert "it was failure" in logged(run)


STEPS = """
only:
  runs-on: ubuntu-24.04
  env: {WHO: job, WHERE: job}
  defaults: {run: {shell: bash, working-directory: below}}
  outputs:
    told: ${{ steps.tell.outputs.told }}
    lost: ${{ steps.late.outputs.lost }}
  steps:
    - run: mkdir below
      working-directory: .
    - id: tell
      run: |
        { echo 'told<<END'; echo one; echo 'two = 2'; echo END; } >> "$GITHUB_OUTPUT"
        echo "WHERE=file" >> "$GITHUB_ENV"
        mkdir "$HOME/bin"; printf '#!/bin/sh\\necho tool' > "$HOME/bin/tool"; chmod +x "$HOME/bin/tool"
        echo "$HOME/bin" >> "$GITHUB_PATH"
        echo "## Well done" >> "$GITHUB_STEP_SUMMARY"
    - run: echo "$WHO $WHERE $WHAT ${{ env.WHERE }} $(basename "$PWD") $(tool)"
      env: {WHO: step, WHAT: "${{ steps.tell.outputs.told }}"}
    - {id: may, run: "false | true", continue-on-error: true}
    - run: echo "may ${{ steps.may.outcome }} ${{ steps.may.conclusion }} ${{ job.status }}"
    - {id: late, run: echo never, if: failure()}
    - run: exit 3
    - run: echo never
    - run: echo "at last ${{ job.status }}"
      if: always()
"""


def test_steps_see_what_github_would_give_them_and_nothing_else(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_SECRET", "hush")
    stage.write(STEPS + "    - {run: 'env; echo home $(ls -A $HOME)', if: always()}\n", more="env: {WHO: workflow}")
    done, run = stage.perform()
    said = logged(run)
    assert done.result == "failure"
    assert "step file one\ntwo = 2 file below tool" in said
    assert "may failure success success" in said
    assert "at last failure" in said
    assert "\nnever\n" not in said
    assert "MY_SECRET" not in said
    assert f"HOME={os.environ['HOME']}\n" not in said
    assert "home .cache .config .local bin\n" in said
    assert (run.out / "only" / "summary.md").read_text() == "## Well done\n"


def test_what_a_step_may_not_tell_fails_it(stage: Stage) -> None:
    lines = ('nonsense" >> "$GITHUB_OUTPUT', 'a<<b" >> "$GITHUB_OUTPUT', 'GITHUB_SHA=0" >> "$GITHUB_ENV')
    for line in lines:
        stage.write(f"only: {{runs-on: ubuntu-24.04, steps: [{{run: 'echo \"{line}\"'}}]}}")
        assert stage.perform()[0].result == "failure"


def test_time_limits_hold(stage: Stage) -> None:
    stage.write(
        """
        step: {runs-on: ubuntu-24.04, steps: [{run: sleep 60, timeout-minutes: 0.02}, {run: echo no}]}
        job:
          runs-on: ubuntu-24.04
          timeout-minutes: 0.02
          steps: [{run: sleep 60}, {run: echo no, if: "!cancelled()"}, {run: echo bye, if: always()}]
        """
    )
    done, run = stage.perform()
    assert results(run) == {"step": "failure", "job": "cancelled"}
    assert done.result == "failure"
    assert "bye" in logged(run)
    assert "\nno\n" not in logged(run)


def test_what_a_step_leaves_running_is_ended_with_its_job(stage: Stage) -> None:
    stage.write("only: {runs-on: ubuntu-24.04, steps: [{run: 'setsid sleep 321 > /dev/null 2>&1 &'}]}")
    _, run = stage.perform()
    assert "that was left behind" in logged(run)


CALLED = """
build:
  runs-on: ${{ fromJSON(inputs.runner) }}
  outputs: {made: "${{ steps.make.outputs.made }}"}
  steps:
    - id: make
      run: echo "made=${{ inputs.name }} ${{ inputs.count }} ${{ github.workflow }}" >> "$GITHUB_OUTPUT"
"""
ON_CALL = """
workflow_call:
  inputs:
    name: {type: string, required: true}
    count: {type: number, default: 1}
    runner: {type: string, default: '["ubuntu-24.04"]'}
  outputs:
    made: {value: "${{ jobs.build.outputs.made }}"}
"""
CALLER = """
call:
  name: Call
  uses: ./.github/workflows/called.yml
  with: {name: wheel, count: 2}
after:
  needs: call
  runs-on: ubuntu-24.04
  steps:
    - run: echo "got ${{ needs.call.outputs.made }}"
"""


def test_a_workflow_calls_another(stage: Stage) -> None:
    stage.write(CALLED, on=ON_CALL, name="called")
    stage.write(CALLER)
    done, run = stage.perform()
    assert done.result == "success"
    assert results(run) == {"Call / build": "success", "after": "success"}
    assert f"got wheel 2 {MAIN}" in logged(run)


@pytest.mark.parametrize(
    ("caller", "called", "told"),
    [
        (("name: wheel, ", ""), ("", ""), "the input name must be given"),
        (("count: 2", "counts: 2"), ("", ""), "there is no input counts (there are: name, count, runner)"),
        (("count: 2", "count: two"), ("", ""), "the input count is a number, and is given 'two'"),
        (("outputs.made", "outputs.make"), ("", ""), "needs.call.outputs has no make (it has: made)"),
        (("called.yml", "culled.yml"), ("", ""), "there is no workflow ./.github/workflows/culled.yml"),
        (("", ""), ("workflow_call:", "workflow_dispatch:"), "Unexpected value"),
        (("", ""), ("jobs.build.outputs.made", "jobs.make.outputs.made"), "jobs has no make (it has: build)"),
        (("", ""), ("steps:", "permissions: {contents: write}\n  steps:"), "asks for contents: write"),
        (("", ""), ("runner: {type: string, default: '[\"ubuntu-24.04\"]'}", ""), "inputs has no runner"),
    ],
)
def test_a_call_that_does_not_fit_breaks_it(
    stage: Stage, caller: tuple[str, str], called: tuple[str, str], told: str
) -> None:
    stage.write(CALLED.replace(*called), on=ON_CALL.replace(*called), name="called")
    stage.write(CALLER.replace(*caller))
    with pytest.raises(Breakage) as breakage:
        stage.perform()
    assert told in str(breakage.value)


COMPOSITE = """
name: twice
description: Says it twice
inputs:
  what: {description: what to say, default: nothing}
outputs:
  said: {description: what was said, value: "${{ steps.say.outputs.said }}"}
runs:
  using: composite
  steps:
    - id: say
      shell: bash
      run: echo "said=$WHAT $WHAT" >> "$GITHUB_OUTPUT"
      env: {WHAT: "${{ inputs.what }}"}
    - if: ${{ inputs.what == 'fail' }}
      shell: bash
      run: exit 1
"""


@pytest.mark.parametrize("place", ["./", "$/"])
def test_an_action_of_the_repository_s_own(stage: Stage, place: str) -> None:
    stage.file("tools/twice/action.yml", COMPOSITE)
    checkout = f"- uses: {CHECKOUT}" if place == "./" else ""
    jobs = f"""
    only:
      runs-on: ubuntu-24.04
      steps:
        {checkout}
        - {{id: it, uses: {place}tools/twice, with: {{what: hear}}}}
        - run: echo "I ${{{{ steps.it.outputs.said }}}}"
        - {{uses: {place}tools/twice, with: {{what: fail}}}}
        - run: echo never
    """
    stage.write(jobs)
    done, run = stage.perform()
    assert done.result == "failure"
    assert "I hear hear" in logged(run)
    assert "\nnever\n" not in logged(run)


def test_a_checkout_is_the_one_commit_and_needs_the_right_to_read(stage: Stage) -> None:
    stage.file("a-file", "content")
    stage.write(
        f"""
        may:
          runs-on: ubuntu-24.04
          permissions: {{contents: read}}
          steps:
            - uses: {CHECKOUT}
              with: {{persist-credentials: false, ref: "${{{{ github.sha }}}}", path: here}}
            - {{run: cat a-file && git log --oneline | wc -l, working-directory: here}}
            - run: test "${{{{ hashFiles('here/a-*') }}}}" != "${{{{ hashFiles('there') }}}}"
        may_not:
          runs-on: ubuntu-24.04
          steps: [{{uses: {CHECKOUT}}}]
        """,
        more="permissions: {}",
    )
    _, run = stage.perform()
    assert results(run) == {"may": "success", "may_not": "failure"}
    assert "\ncontent1\n" in logged(run)


CACHED = """
only:
  runs-on: ubuntu-24.04
  steps:
    - id: cache
      uses: actions/cache/restore@v6
      with: {path: pool, key: "pool-${{ inputs.run }}", restore-keys: pool-}
    - run: echo "hit <${{ steps.cache.outputs.cache-hit }}>, <$(cat pool/*)>"; mkdir -p pool; echo "$RUN" > "pool/$RUN"
      env: {RUN: "${{ inputs.run }}"}
    - uses: actions/cache/save@v6
      with: {path: pool, key: "pool-${{ inputs.run }}"}
"""


def test_a_cache_goes_from_run_to_run(stage: Stage) -> None:
    stage.write(CACHED, on="workflow_dispatch: {inputs: {run: {type: string, required: true}}}")
    said = [logged(stage.perform(run=name)[1]) for name in ("one", "two", "two")]
    assert "hit <>, <>" in said[0]
    assert "hit <false>, <one>" in said[1]
    assert "hit <true>, <one\ntwo>" in said[2]
    assert "pool-two is there already" in said[2]


def test_gh_knows_only_what_was_attested_by_whom(stage: Stage) -> None:
    attest = "permissions: {id-token: write, attestations: write}"
    jobs = f"""
    only:
      runs-on: ubuntu-24.04
      {attest}
      env: {{GH_TOKEN: "${{{{ github.token }}}}", SIGNER: "${{{{ github.repository }}}}"}}
      steps:
        - run: mkdir dist && echo good > dist/good.whl && echo bad > bad.whl
        - {{uses: actions/attest-build-provenance@v4, id: attest, with: {{subject-path: dist/*}}}}
        - run: |
            [ "$(wc -l < "$BUNDLE")" = 1 ]
            env -u GH_TOKEN gh attestation verify dist/good.whl --repo "$GITHUB_REPOSITORY" --bundle "$BUNDLE"
            gh attestation verify dist/good.whl --repo "$GITHUB_REPOSITORY" --source-ref "$GITHUB_REF" \\
              --source-digest "$GITHUB_SHA" --signer-digest "$GITHUB_SHA" --deny-self-hosted-runners
            ! gh attestation verify dist/good.whl --repo "$GITHUB_REPOSITORY" --source-ref refs/heads/other
            ! gh attestation verify dist/good.whl --repo "$GITHUB_REPOSITORY" --signer-digest c0ffee
            ! gh attestation verify bad.whl --repo "$GITHUB_REPOSITORY" --bundle "$BUNDLE"
          env: {{BUNDLE: "${{{{ steps.attest.outputs.bundle-path }}}}"}}
        - run: |
            gh attestation verify dist/good.whl --repo "$GITHUB_REPOSITORY"
            gh attestation verify dist/good.whl --repo "$GITHUB_REPOSITORY" --signer-workflow "$SIGNER/{MAIN}"
            ! gh attestation verify dist/good.whl --repo some/other
            ! gh attestation verify dist/good.whl --repo "$GITHUB_REPOSITORY" --signer-workflow "$SIGNER/x.yml"
            ! gh attestation verify bad.whl --repo "$GITHUB_REPOSITORY"
            ! gh release list
            env -u GH_TOKEN gh attestation verify dist/good.whl --repo "$GITHUB_REPOSITORY" || [ $? = 4 ]
    """
    stage.write(jobs)
    done, run = stage.perform()
    assert done.result == "success", logged(run)
    stage.write(jobs.replace(attest, "permissions: {contents: read}"))
    done, run = stage.perform()
    assert done.result == "failure"
    assert "no permission id-token: write" in logged(run)


def test_a_run_is_started_as_it_says(stage: Stage) -> None:
    job = "only: {runs-on: ubuntu-24.04, steps: [{run: \"echo '<${{ inputs.who }}>'\"}]}"
    stage.write(job, on="{push: {tags: [v*]}, workflow_dispatch: {inputs: {who: {type: string}}}}")
    assert "<me>" in logged(stage.perform("workflow_dispatch", who="me")[1])
    assert "<>" in logged(stage.perform("push")[1])
    for event, inputs, told in (("schedule", {}, "does not start it"), ("workflow_dispatch", {"what": ""}, "no input")):
        with pytest.raises(Breakage, match=told):
            stage.perform(event, **inputs)


def test_any_workflow_can_be_rehearsed(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    job = "only: {runs-on: ubuntu-24.04, steps: [{run: 'exit ${{ github.event_name == ''push'' && 7 || 8 }}'}]}"
    stage.write(job, on="push:")
    monkeypatch.setattr(rehearsal, "ROOT", stage.root)
    monkeypatch.setattr("sys.argv", ["rehearse", "--file", MAIN, "--out", str(stage.here / "out")])
    assert rehearsal.main() == 1
    out = capsys.readouterr().out
    assert "only: failure" in out
    assert "wrong: run: the run's result is failure" in out
    assert (stage.here / "out" / "run" / "only" / "log.txt").read_text().endswith("failed: status 7\n")
