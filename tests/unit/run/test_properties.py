"""What must hold of every run, whatever the venue looks like and whatever goes wrong in it."""

import gc
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from automation.procedures import recover, restart
from automation.run import capacity, decide, journal, ledger, loop, reuse, state, verdict
from automation.run.events import Event, HostState, Message, load_event
from automation.run.journal import read_journal
from automation.run.plan import Step, Verb
from automation.run.state import HostResult, State, StepState, fold_all, server_of
from automation.venue.site import Component
from tests.unit.run.plans import ALL, EMERGENCIES, EVENINGS, RESTARTS, remember_kinds
from tests.unit.run.promises import ALWAYS
from tests.unit.run.recovering import WHEN_RECOVERED
from tests.unit.run.resuming import WHEN_RESUMED
from tests.unit.run.rolling import WHEN_ROLLING
from tests.unit.run.striking import WHEN_STRUCK
from tests.unit.run.trials import Trial, conduct

GRAPHS = int(os.environ.get("RACEDAY_SIMULATE", "10000"))
SEED = int(os.environ.get("RACEDAY_SEED", "0"))
AGAIN = "RACEDAY_SEED={seed} RACEDAY_SIMULATE=1 pytest tests/unit/run/test_properties.py -k random"
CHUNK = 100
ON_VERDICT, PUT_BACK = decide._on_verdict, decide._put_back  # noqa: SLF001  # mutants bend them
IN_ROTATION = state.in_rotation


@pytest.mark.simulation
@pytest.mark.timeout(max(300, GRAPHS // 20))
def test_random_runs_keep_every_promise(tmp_path: Path) -> None:
    """Mornings, restarts, evenings, emergencies and recoveries of random venues break no promise.

    RACEDAY_SIMULATE and RACEDAY_SEED say how many, and from which seed on; every graph has its own.
    """
    chunks = [range(SEED + at, SEED + min(at + CHUNK, GRAPHS)) for at in range(0, GRAPHS, CHUNK)]
    with ProcessPoolExecutor(initializer=_settle) as pool:
        found = list(chain.from_iterable(pool.map(partial(_try_all, tmp_path), chunks)))
    assert not found, f"of the seeds {SEED} to {SEED + GRAPHS - 1}:\n" + "\n".join(found)


def _settle() -> None:
    """A worker makes little lasting garbage, so it looks for it rarely."""
    remember_kinds()
    gc.freeze()
    gc.set_threshold(100_000)


def _try_all(folder: Path, seeds: range) -> list[str]:
    scratch = folder / f"{os.getpid()}.jsonl"
    return [
        f"{sentence}\n  again: {AGAIN.format(seed=seed)}"
        for seed in seeds
        for sentence in violations(seed, scratch)
    ]


def violations(seed: int, scratch: Path, procedures: Sequence[int] = ALL) -> Iterator[str]:
    """Every promise that the trial of this seed breaks, as sentences."""
    try:
        trial = conduct(seed, procedures)
    except Exception as error:  # noqa: BLE001  # whatever escapes the engine is a finding
        yield f"the engine raised {error!r}"
        return
    for promise in (*ALWAYS, *WHEN_ROLLING, *WHEN_RESUMED, *WHEN_STRUCK, *WHEN_RECOVERED):
        yield from promise(trial)
    yield from _reads_back(trial, scratch)


def _reads_back(trial: Trial, scratch: Path) -> Iterator[str]:
    """The journal, read back and verified, folds to the run's own state, steps in plan order."""
    if trial.state is None:
        return
    told = fold_all(read_journal(trial.paper.copy_to(scratch)))
    if told != trial.state or list(told.steps) != list(trial.state.steps):
        yield "the journal folds to another state than the run's own"


@dataclass(frozen=True)
class Mutant:
    """A mistake in one function of the engine, and the promise that it breaks."""

    module: object
    name: str
    mistake: object
    broken: str
    procedures: Sequence[int] = ALL


def _without(**forgotten: object) -> Callable[[State, datetime], tuple[decide.Action, ...]]:
    """A `decide` for which every step lacks something."""

    def forgetful(seen: State, now: datetime) -> tuple[decide.Action, ...]:
        steps = {name: _forget(item, forgotten) for name, item in seen.steps.items()}
        return decide.decide(replace(seen, steps=steps), now)

    return forgetful


def _forget(item: StepState, forgotten: dict[str, Any]) -> StepState:
    return replace(item, step=replace(item.step, **forgotten))


def _restless(seen: State, now: datetime) -> tuple[decide.Action, ...]:
    return decide.decide(replace(seen, interrupted=False), now)


def _eager(seen: State, step: Step) -> decide.Begin | None:
    return decide.Begin(step, step.hosts) if seen.verdict else None


def _half_open(seen: State, step: Step) -> decide.Begin | decide.Skip | None:
    if seen.verdict and step.component != seen.plan.fronts[0]:
        return decide.Skip(step, Message("one load balancer is enough"))
    return ON_VERDICT(seen, step)


def _dogged(seen: State, now: datetime) -> tuple[decide.Action, ...]:
    return decide.decide(replace(seen, plan=replace(seen.plan, stops_at_failure=False)), now)


def _at_once(_component: Component, hosts: Sequence[str]) -> Iterator[tuple[str, ...]]:
    yield from [tuple(hosts)] if hosts else []


def _forgetful_of(verb: Verb) -> Callable[..., decide.Move | None]:
    """A `_put_back` that never does this verb."""

    def put_back(seen: State, step: Step, ended: frozenset[str]) -> decide.Move | None:
        if step.verb is verb:
            return decide.Skip(step, Message("never mind"))
        return PUT_BACK(seen, step, ended)

    return put_back


def _nameless(seen: State, step: Step) -> Mapping[str, tuple[str, ...]]:
    told = IN_ROTATION(seen, step)
    return {host: tuple(map(server_of, words)) for host, words in told.items()}


def _same_for_all(seen: State, step: Step) -> Mapping[str, tuple[str, ...]]:
    words = {word for told in IN_ROTATION(seen, step).values() for word in told}
    return dict.fromkeys(step.hosts, tuple(words)) if words else {}


def _at_first(seen: State, _taken: StepState, host: str) -> frozenset[str]:
    return state.sent_to(seen, host)


def _lossy(data: dict[str, Any]) -> Event:
    return load_event({**data, **({"evidence": {}} if "evidence" in data else {})})


MUTANTS = {
    "a start waits for nothing": Mutant(loop, "decide", _without(needs=()), "began before"),
    "a gate comes too early": Mutant(loop, "decide", _without(after=()), "began before"),
    "an interruption is forgotten": Mutant(loop, "decide", _restless, "after the interruption"),
    "an interruption waits for nothing": Mutant(
        loop, "is_protected", lambda _step: False, "cut in the middle"
    ),
    "missing checks are no matter": Mutant(
        verdict, "missing_checks", lambda _step, _result: (), "verdict is GO and the truth NO-GO"
    ),
    "bad checks are no matter": Mutant(
        verdict, "_step_findings", lambda _item: (), "verdict is CONDITIONAL and the truth NO-GO"
    ),
    "gates are not asked": Mutant(
        verdict,
        "confirmed_hosts",
        lambda seen, name: frozenset(seen.plan.components[name].hosts),
        "verdict is CONDITIONAL and the truth NO-GO",
    ),
    "what was not executed is no matter": Mutant(
        verdict, "_unexcused", lambda _state: (), "the truth NO-GO"
    ),
    "silence is consent": Mutant(
        state, "_silent", lambda _step, _host, _cause: HostResult(HostState.OK), "verdict is GO and"
    ),
    "the last word counts": Mutant(state, "_worse", lambda _earlier, later: later, "verdict is"),
    "sales open on any verdict": Mutant(decide, "_on_verdict", _eager, "sales opened without"),
    "tests go on among customers": Mutant(
        decide, "_sales_forbid", lambda _state: None, "while sales are open"
    ),
    "one load balancer is opened": Mutant(decide, "_on_verdict", _half_open, "stayed closed"),
    "a restart is judged": Mutant(
        decide, "_is_to_be_judged", lambda seen: not seen.verdict, "and the truth nothing", RESTARTS
    ),
    "stops wait for nobody": Mutant(loop, "decide", _without(needs=()), "was down", EVENINGS),
    "stops come among customers": Mutant(
        decide, "_sales_forbid", lambda _state: None, "customers were betting", RESTARTS
    ),
    "a drain need not be waited for": Mutant(
        loop, "decide", _without(needs=()), "began while customers were sent to", RESTARTS
    ),
    "a drain need not succeed": Mutant(
        Step, "is_strict", False, "before its drain had succeeded", RESTARTS
    ),
    "all hosts are one batch": Mutant(restart, "batches", _at_once, "down together", RESTARTS),
    "the others are not asked": Mutant(
        restart, "_capacity", lambda *_args: (), "others ready", RESTARTS
    ),
    "who gets no customers stands in": Mutant(
        decide, "not_serving", lambda *_args: (), "left customers", RESTARTS
    ),
    "who is seen down stands in": Mutant(
        capacity, "SERVING", state.ROTATION, "left customers", RESTARTS
    ),
    "who leads is no matter": Mutant(
        decide, "may_lead", lambda _state, _step: None, "on the primary", RESTARTS
    ),
    "a failure is no matter": Mutant(loop, "decide", _dogged, "had failed", EVENINGS),
    "what was stopped stays down": Mutant(
        decide, "_put_back", _forgetful_of(Verb.START), "never begun", RESTARTS
    ),
    "what was drained stays out": Mutant(
        decide, "_put_back", _forgetful_of(Verb.UNDRAIN), "not put back", RESTARTS
    ),
    "everybody is put in rotation": Mutant(
        decide,
        "in_rotation",
        lambda _state, step: dict.fromkeys(step.hosts, step.servers),
        "not in rotation before",
        RESTARTS,
    ),
    "a server is known by its name alone": Mutant(
        decide, "in_rotation", _nameless, "not in rotation before", RESTARTS
    ),
    "all load balancers are told the same": Mutant(
        decide, "in_rotation", _same_for_all, "not in rotation before", RESTARTS
    ),
    "what was taken out since the first look is forgotten": Mutant(
        state, "sent_to_until", _at_first, "not in rotation before", RESTARTS
    ),
    "everybody is ready": Mutant(
        decide, "unready_hosts", lambda _state: (), "sent customers to", RESTARTS
    ),
    "everybody is heard": Mutant(
        loop, "_is_expected", lambda _state, _report: True, "the engine raised|ended twice"
    ),
    "what was done is believed unseen": Mutant(
        reuse, "_runs_on", lambda *_args: True, "GO, and what|ended failed", (70, 30, 0, 0)
    ),
    "what was tested before is never forgotten": Mutant(
        state, "_undone_by", lambda *_args: (), "GO, and what|not put back|never begun"
    ),
    "nobody waits for the looks": Mutant(
        decide, "has_looked", lambda _state: True, "began again before"
    ),
    "what was drained before is forgotten": Mutant(
        state, "ROTATION", "forgotten", "drained and not put back", RESTARTS
    ),
    "sales open again whatever failed": Mutant(
        loop, "decide", _without(needs=()), "began although", EMERGENCIES
    ),
    "who said nothing sent customers to nobody": Mutant(
        decide, "was_heard", lambda *_args: True, "gets no customers", EMERGENCIES
    ),
    "a load balancer that fails to close is not named": Mutant(
        verdict, "_step_findings", lambda _item: (), "nobody says so", EMERGENCIES
    ),
    "an opening that nobody heard of is no opening": Mutant(
        State, "_perhaps_opened", lambda _state: set(), "said to be closed", EMERGENCIES
    ),
    "what is drained is not written down": Mutant(
        ledger, "_not_undrained", lambda *_args: (), "nothing is left, and to_", RESTARTS
    ),
    "what is stopped is not written down": Mutant(
        ledger, "_not_started", lambda *_args: (), "is down", RESTARTS
    ),
    "what is half open is not written down": Mutant(
        ledger, "_unfinished", lambda *_args: (), "is half open"
    ),
    "a recovery tests nothing": Mutant(
        recover, "_test", lambda *_args: None, "was not tested", RESTARTS
    ),
    "a recovery opens everywhere": Mutant(
        decide,
        "_told",
        lambda hosts, _servers: dict.fromkeys(hosts, ()),
        "was not in rotation before",
        RESTARTS,
    ),
    "who comes up open is no matter": Mutant(
        verdict, "_came_up_open", lambda _state: (), "let customers in"
    ),
    "the journal forgets evidence": Mutant(journal, "load_event", _lossy, "folds to another"),
}


@pytest.mark.mutant
@pytest.mark.parametrize("name", MUTANTS)
def test_a_mistake_in_the_engine_is_caught(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The properties can fail: each of these mistakes breaks a promise within 4,000 graphs."""
    mutant = MUTANTS[name]
    monkeypatch.setattr(mutant.module, mutant.name, mutant.mistake)
    remember_kinds(monkeypatch.setattr)
    found = chain.from_iterable(
        violations(seed, tmp_path / "journal", mutant.procedures) for seed in range(4000)
    )
    assert any(re.search(mutant.broken, sentence) for sentence in found)
