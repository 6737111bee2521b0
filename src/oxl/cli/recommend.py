"""`oxl recommend …`: train the model, publish the rules, see what comes of what is shown."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import typer
from rich.markup import escape

from oxl.apis.recommendation import jobs
from oxl.cli.ground import DATA, TENANT, opened, run
from oxl.cli.telling import Cell, note, table
from oxl.cli.telling import say as tell
from oxl.engines.recommendation import learn
from oxl.engines.recommendation.policy import default_text
from oxl.engines.recommendation.standing import publish_policy
from oxl.kernel.background import once

app = typer.Typer(no_args_is_help=True, help="Train the model of recommendations, publish rules, report take-up.")
_WHOLE = 10_000  # millionths in a per cent


def _percent(millionths: int) -> str:
    return f"{millionths / _WHOLE:.1f} %"


@app.command()
def train(
    anyway: bool = typer.Option(False, help="Take the model even if it finds less than the active one did."),
    data: Path | None = DATA,
    tenant: str | None = TENANT,
) -> None:
    """Train a model on what is owned now; it becomes the active one unless it finds less than that one did."""

    async def work() -> None:
        async with opened(data, tenant) as (_, place):
            say(await jobs.train(place, anyway))

    run(work())


def say(kept: learn.Kept) -> None:
    """Print what became of a model, and its figures beside popularity's."""
    told = f"model {kept.version} is {kept.status}" + (f": {kept.reason}" if kept.reason else "")
    note(model=kept.version, status=kept.status, reason=kept.reason, metrics=kept.metrics)
    tell(f"{told} ({kept.metrics['parties']:,} parties, {kept.metrics['items']} offerings)")
    for name in ("model", "popularity"):
        if name in kept.metrics:
            figures = kept.metrics[name]
            tell(f"  {name}: HR@1 {_percent(figures['hitRate1'])}, NDCG@10 {_percent(figures['ndcg10'])}")


@app.command()
def configure(
    file: Path | None = typer.Argument(None, help="A YAML file of rules and weights; without one the present default."),
    show: bool = typer.Option(False, help="Print the default rules, to begin from, and publish nothing."),
    data: Path | None = DATA,
    tenant: str | None = TENANT,
) -> None:
    """Publish the rules by which offerings are ranked; every fault is told with file, line and field."""
    if show:
        tell(escape(default_text()), rules=default_text())
        return
    text = file.read_text("utf-8") if file else default_text()

    async def work() -> None:
        async with opened(data, tenant) as (_, place):
            version = await once(place, lambda work: publish_policy(work, text))
            tell(f"policy {version} holds from now on", policy=version)

    run(work())


@app.command()
def report(
    days: int = typer.Option(30, min=1, help="Of how many days."),
    data: Path | None = DATA,
    tenant: str | None = TENANT,
) -> None:
    """Show how often offerings were taken, by source and place, and what an experiment has come to."""

    async def work() -> None:
        async with opened(data, tenant) as (_, place):
            since = place.clock.now() - timedelta(days=days)
            take_up, trials = await once(place, lambda work: learn.report(work, since))
        columns = {"source": "source", "place": "place", "shown": "shown", "taken": "taken", "accepted": "accepted",
                   "takeUpMillionths": "take-up"}  # fmt: skip
        rows = []
        for row in take_up:
            rate = row.taken * 100 * _WHOLE // row.shown
            rows.append((row.source, row.rank, row.shown, row.taken, row.accepted, Cell(rate, _percent(rate))))
        table("takeUp", columns, rows)
        note(trials=[{"experiment": trial.experiment, "variants": trial.variants, "p": trial.p} for trial in trials])
        for trial in trials:
            for variant, (parties, takers) in trial.variants.items():
                rate = _percent(takers * 100 * _WHOLE // parties)
                tell(f"{trial.experiment}, {variant}: {takers:,} of {parties:,} parties took something ({rate})")
            if trial.p is not None:
                tell(f"  so great a difference comes by chance alone in {_percent(trial.p)} of cases")

    run(work())
