"""`python -m demo [--data DIR]`: builds the platform where the environment points to, and runs the main job on it."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from demo.intake import InputRefused, Intake
from demo.report import write_report
from demo.run import Run, prepare_folder
from tools.attacks.play import REPORT
from tools.attacks.verdict import write
from tools.operate.platform import Platform, StepFailed
from tools.telling import Teller
from tools.terraform import stacks

ROOT = Path(__file__).resolve().parent.parent
SPACE_GB = 3
SEED = 7  # of the generated population
SUMMED = ("lake", "parity", "credit", "fraud", "dossiers", "releases", "bad_release", "drift", "attacks")


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("--data", type=Path, help="folder with files of the RAW contract; generated when left out")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "demo")
    parser.add_argument("--size", type=int, default=200_000, help="payments to generate")
    args = parser.parse_args(argv)
    teller = Teller()
    try:
        require_space(args.out)
        intake = Intake.open(args.data) if args.data else None  # a broken file stops the run before anything is built
        if intake:
            intake.stream_day(), intake.score_month()
        prepare_folder(args.out)
        # Terraform mostly waits for what it has made: the population is drawn meanwhile.
        with ThreadPoolExecutor(1) as pool:
            drawn = pool.submit(lambda: intake or population(teller, args.out, args.size))
            with teller.phase("Package"):
                script("tools.package")
            with teller.phase("Terraform"):
                outputs = deploy(args.out)
        run = Run(drawn.result(), Platform(outputs), teller, args.out)
        run.everything()
        if run.intake.stream_day():
            run.attack()
            write(run.evidence["attacks"], REPORT)
    except (InputRefused, StepFailed, stacks.TerraformFailed) as failed:
        print(f"\ndemo: {failed}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as failed:
        print(f"\ndemo: {' '.join(map(str, failed.cmd[1:]))} failed, see above", file=sys.stderr)
        return 1
    summary = {
        "made_at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "data": str(args.data) if args.data else f"the generated population ({args.size:,} payments, seed {SEED})",
        "wall_s": round(teller.elapsed, 1),
        "phases": [{"name": p.name, "begun_s": round(p.begun, 1), "ended_s": round(p.ended, 1)} for p in teller.phases],
        "terraform": {"resources": stacks.resources("local")},
        **{key: run.found.get(key) for key in SUMMED},
    }
    (args.out / "summary.json").write_text(json.dumps(summary, indent=1) + "\n")
    write_report(summary, run.evidence, teller.phases, args.out / "report.html")
    shutil.rmtree(args.out / "work", ignore_errors=True)
    print(json.dumps(summary, indent=1))
    print(f"\nLook at {args.out / 'report.html'}; predictions and decisions lie beside it.")
    return verdict(summary)


def population(teller: Teller, out: Path, size: int) -> Intake:
    data = out / "work" / "data"
    with teller.phase("Population"):
        script("datasets", "NAME=generated", f"SIZE={size}", f"SEED={SEED}", f"OUT={data}")
        return Intake.open(data)


def verdict(summary: dict) -> int:
    """1 when a promise did not hold: something lost, doubled or different, or an attack that got through."""
    fraud, parity = summary["fraud"] or {}, summary["parity"] or {}
    attacks = summary["attacks"] or {"played": 0, "hold": 0}
    bad = summary["bad_release"] or {"rolled_back": True}
    drift = summary["drift"] or {"alarm": True, "retrained": True}
    broken = {
        "missing decisions": fraud.get("missing"),
        "duplicated decisions": fraud.get("duplicated"),
        "parity mismatches": parity.get("mismatches"),
        "attacks that did not hold": attacks["played"] - attacks["hold"],
        "bad release that was not rolled back": int(not bad["rolled_back"]),
        "drift that nobody was told of, or that trained nothing": int(not (drift["alarm"] and drift["retrained"])),
    }
    for promise, count in broken.items():
        if count:
            print(f"demo: {count} {promise}", file=sys.stderr)
    return int(any(broken.values()))


def deploy(out: Path) -> dict:
    """All stacks and the upload between them. Terraform's own lines go to a log."""
    environment = "local"
    log = out / "terraform.log"
    with log.open("w") as file:
        done = subprocess.run(
            [sys.executable, "-m", "tools.terraform", "deploy", environment],
            cwd=ROOT,
            stdout=file,
            stderr=file,
            check=False,
        )
    if done.returncode:
        print("\n".join(log.read_text().splitlines()[-25:]), file=sys.stderr)
        raise stacks.TerraformFailed(f"make deploy failed; all of it is in {log}")
    return stacks.outputs(environment)


def require_space(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free / 1e9
    if free < SPACE_GB:
        raise InputRefused(
            f"{folder}: expected {SPACE_GB} GB of free disk space, found {free:.1f} GB; free some and run again"
        )


def script(module: str, *arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", module, *arguments], cwd=ROOT, check=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
