"""`oxl assets`: the asset set of every API that is served, made from its published contract."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import typer

from oxl.apis import APIS
from oxl.certify.papers.assets import Served, assets, folder, overview
from oxl.certify.standard import PLACES, Place, Standard
from oxl.cli.telling import note, say
from oxl.contract.openapi import contract


def write_assets(
    out_folder: Path = typer.Option(Path("assets"), "--out", help="Folder for the sets, one folder an API."),
    public: str = typer.Option("", help="The address in front of the paths, for the contracts."),
) -> None:
    """Write what partners are handed of each API: contract, guide, profile, Postman collection, client, history."""
    found: dict[str, Place] = {}
    for api in APIS:
        place = next((each for each in PLACES if each.base == api.base), None)
        if place is None:
            continue  # an API of our own
        found[folder(place)] = place
        target = out_folder / folder(place)
        target.mkdir(parents=True, exist_ok=True)
        served = Served(Standard(place), contract(api, public), version("oxl"))
        for name, text in assets(served).items():
            (target / name).write_text(text, "utf-8")
        say(str(target))
    note(folders=[str(out_folder / name) for name in found])
    (out_folder / "index.html").write_text(overview(found), "utf-8")
