"""The import contracts of setup.cfg: kept as the code stands, broken by a breach of each."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.source import PACKAGES, ROOT

BREACHES = {
    "The rooms of stb_service, high to low": (
        "stb_service/staff/rules.py",
        "import stb_service.admin.reports",
    ),
    "The rooms of firmware, high to low": (
        "firmware/boxes/presence.py",
        "import firmware.wires.contact",
    ),
    "The rooms of the lab, high to low": ("lab/units.py", "import lab.kernel"),
    "The order across the packages": ("firmware/edge.py", "import stb_service.shared.tables"),
    "firmware sees of stb_service only shared": (
        "firmware/images/ranges.py",
        "import stb_service.metadata",
    ),
    "People are known without boxes": (
        "stb_service/staff/setup.py",
        "import firmware.boxes.queries",
    ),
    "The lab knows nothing of the service": ("lab/cli.py", "import stb_service.shared.clock"),
    "The service knows nothing of the lab": ("stb_service/worker.py", "import lab.units"),
    "Inside shared: the HTTP edge above, the alphabet of errors and texts below": (
        "stb_service/shared/audit.py",
        "import stb_service.shared.http.api",
    ),
    "Rules, models, queries and operations know no request": (
        "stb_service/devices/operations.py",
        "import flask",
    ),
    "Rules touch no database, no clock, no settings": (
        "firmware/images/rules.py",
        "import stb_service.shared.clock",
    ),
    "Models and queries call no verb": (
        "stb_service/devices/catalogue/queries.py",
        "import stb_service.devices.catalogue.operations",
    ),
    "Schemas are the wire and read no database": (
        "stb_service/admin/schemas.py",
        "import sqlalchemy",
    ),
}


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], str]:
    """What the contracts say of a copy of the code with every breach planted in it."""
    folder: Path = tmp_path_factory.mktemp("breached")
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package,
            folder / package,
            ignore=lambda where, names: {
                n for n in names if not n.endswith(".py") and not (Path(where) / n).is_dir()
            },
        )
    shutil.copy(ROOT / "setup.cfg", folder)
    for path, line in BREACHES.values():
        with (folder / path).open("a", encoding="utf-8") as file:
            file.write(f"\n{line}\n")
    (folder / "firmware" / "attic").mkdir()
    (folder / "firmware" / "attic" / "__init__.py").touch()
    said = lint(folder)
    lines = [line.rstrip() for line in said.splitlines()]
    found = {
        line[: -len(word) - 1]: word
        for word in ("KEPT", "BROKEN")
        for line in lines
        if line.endswith(" " + word)
    }
    return found, said


def lint(folder: Path) -> str:
    """Return what the contracts say about the packages of a folder."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command as c; c()",
            "--no-cache",
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.stdout + done.stderr


def test_the_code_keeps_every_contract() -> None:
    said = lint(ROOT)

    assert f"{len(BREACHES)} kept, 0 broken" in said, said


@pytest.mark.parametrize("name", BREACHES)
def test_a_breach_of_a_contract_is_noticed(name: str, verdicts: tuple[dict[str, str], str]) -> None:
    found, said = verdicts

    assert found.get(name) == "BROKEN", said


def test_a_new_folder_must_choose_its_layer(verdicts: tuple[dict[str, str], str]) -> None:
    _, said = verdicts

    assert "firmware.attic" in said
