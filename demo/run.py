"""The main job, phase by phase."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from threading import Event

from demo.bad_release import plant
from demo.intake import Intake
from demo.measures import actions, beside_logistic, percentile, quality, ranges
from demo.planted_drift import plant as plant_drift
from features.declared import FILE as DECLARED
from lending.policy import Policy
from tools.attacks.play import play
from tools.lending.publishing import Publisher
from tools.operate.platform import Platform, StepFailed
from tools.operators import policies_table
from tools.telling import Teller

CREDIT_POLICY = Path(__file__).resolve().parent.parent / "policies" / "credit-example.json"

PAYMENTS_PER_SECOND = 250  # below what the stream door takes, so that latencies are its own and not a queue's
TELL_OF_LOANS = {"loan_outcomes", "loan_performance"}  # either says which loans were good
ASKED = 200  # payments that go through the API door


@dataclass
class Run:
    """One run: `folder` receives what it leaves, `found` the numbers of the summary."""

    intake: Intake
    platform: Platform
    teller: Teller
    folder: Path
    found: dict = field(default_factory=dict)
    evidence: dict = field(default_factory=dict)

    def everything(self) -> None:
        day, month = self.intake.stream_day(), self.intake.score_month()
        self._say_what_is_skipped(day, month)
        packages = self._first_night_and_training(day, month)
        with ThreadPoolExecutor(2) as pool:  # loans are scored while the canary of the other model serves
            with self.teller.phase("Release"):
                released = {problem: pool.submit(self._release, problem, made) for problem, made in packages.items()}
                if "credit" in released:
                    released["credit"].result()
            if month:
                with self.teller.phase("Loans of the month"):
                    self._score_loans(month)
            for release in released.values():
                release.result()
        if day:
            with self.teller.phase("Payments through both doors"):
                self._decide_payments(day)
            with self.teller.phase("The night after: lake, parity, drift"):
                self._second_night(day)
        self._count_lake()
        if day and self.evidence.get("fraud_release") and self.evidence.get("fraud"):
            with self.teller.phase("A planted drift"):
                self._drift(day)

    def _drift(self, day: date) -> None:
        """After the count: what is planted is in none."""
        found = plant_drift(self.platform, day, self.evidence["fraud"]["log"])
        self.found["drift"] = found
        self.teller.say(
            f"{found['rows']} payments in another unit: {found['drifted']} columns drifted, "
            f"{'the alarm rang' if found['alarm'] else 'no alarm rang'}, "
            f"{'a training began' if found['retrained'] else 'no training began'}"
        )

    def attack(self) -> None:
        """After everything: what is played is in no count of the run."""
        with self.teller.phase("Attacks on both doors"):
            played = play(self.platform, self.teller)
        self.evidence["attacks"] = played
        self.found["attacks"] = {"played": len(played), "hold": sum(attack.holds for attack in played)}

    def _say_what_is_skipped(self, day: date | None, month: date | None) -> None:
        if day is None:
            self.teller.say(
                "no transactions file: the fraud pipeline, the endpoint's training and the doors are skipped"
            )
        elif "fraud_labels" not in self.intake.files:
            self.teller.say(
                "no fraud_labels file: fraud training is skipped, the doors decide with the bootstrap model"
            )
        if month is None:
            self.teller.say("no loan_applications file: the credit pipeline is skipped")
        elif not TELL_OF_LOANS & set(self.intake.files):
            self.teller.say("no loan_outcomes and no loan_performance: credit training and scoring are skipped")

    # Nights

    def _first_night_and_training(self, day: date | None, month: date | None) -> dict[str, dict]:
        """Training begins as soon as GOLD stands, while the night still publishes features."""
        gold_stands = Event()

        def told(state: str) -> None:
            if state == "PublishFeatures":
                gold_stands.set()

        def night() -> None:
            try:
                with self.teller.phase("Lake and features"):
                    self._first_night(day, told)
            finally:
                gold_stands.set()

        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(night)
            gold_stands.wait()
            if first.done():
                first.result()  # a night that failed before GOLD: nothing to train on
            with self.teller.phase("Training, evaluation, registration"):
                packages = self._train(day, month)
            first.result()
        return packages

    def _first_night(self, day: date | None, told: Callable[[str], None]) -> None:
        """Everything that the bank knew when the stream day began."""
        _, last = self.intake.days()
        cut = midnight(day) if day else None
        batch = str(day - timedelta(days=1)) if day else str(last)
        self._declare()
        for entity in self.intake.files:
            # Loans have their own calendar: what was observed later is left out by training, not by the lake.
            before = cut if entity in ("transactions", "fraud_labels") else None
            self._hand_in(entity, batch, before)
        self._night({"batch": batch, "as_of": schedule(day or last + timedelta(days=1))}, told)

    def _second_night(self, day: date) -> None:
        """The payments of the stream day come to the lake from the doors: it recomputes what they have served."""
        tomorrow = day + timedelta(days=1)
        if "fraud_labels" in self.intake.files:
            self._hand_in("fraud_labels", str(day), before=midnight(tomorrow), since=midnight(day))
        with ThreadPoolExecutor(2) as pool:
            given = {"batch": str(day), "as_of": schedule(tomorrow)}
            night = pool.submit(self._night, given)
            if self.evidence.get("fraud_release"):
                pool.submit(self.platform.run_machine, "drift", {"day": str(day), "as_of": instant(tomorrow)}).result()
                self.evidence["drift"] = self.platform.json(f"monitoring/drift/{day}/drift.json")
                self.teller.say(f"drift: PSI of the score {self.evidence['drift']['score']:.3f}")
                self._bad_release()
            night.result()
        parity = self.platform.json(f"quality/check_parity/{day}_{day}.json")
        self.found["parity"] = {
            "compared": parity["compared"],
            "mismatches": parity["mismatches"] + parity["not_in_lake"],
        }
        self.evidence["parity"] = parity
        self.teller.say(f"parity: {parity['compared']} served vectors compared, {parity['mismatches']} differ")

    def _night(self, given: dict, told: Callable[[str], None] = lambda state: None) -> None:
        def tell(state: str) -> None:
            self.teller.say(f"  {state}")
            told(state)

        self.platform.run_machine("nightly", given, tell)

    def _declare(self) -> None:
        """What the folder's `columns.yaml` says, but for how cells are spelt: what is dealt out is spelt plainly."""
        plain = {entity: told.without_spellings().document() for entity, told in self.intake.loaded.declared.items()}
        if not any(plain.values()):
            return
        file = self.folder / "work" / DECLARED
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({entity: told for entity, told in plain.items() if told}))  # JSON is YAML
        self.platform.upload(file, f"raw/{DECLARED}")
        file.unlink()

    def _hand_in(self, entity: str, batch: str, before: datetime | None, since: datetime | None = None) -> None:
        for path, _ in self.intake.deal(entity, self.folder / "work" / batch, before, since):
            self.platform.upload(path, f"raw/{entity}/batch={batch}/{path.name}")
            path.unlink()

    # Models

    def _train(self, day: date | None, month: date | None) -> dict[str, dict]:
        """Every pipeline that has labels, side by side. Returns the registered package of each problem."""
        wanted = {}
        if day and "fraud_labels" in self.intake.files:
            wanted["fraud"] = instant(day)
        if month and TELL_OF_LOANS & set(self.intake.files):
            wanted["credit"] = instant(month)
        packages = {}
        with ThreadPoolExecutor(2) as pool:
            made = {problem: pool.submit(self.platform.train, problem, as_of) for problem, as_of in wanted.items()}
            for problem, future in made.items():
                packages[problem] = future.result()
                found = packages[problem]["evaluation"]
                trained = " and ".join(candidate["learner"] for candidate in found["candidates"])
                self.teller.say(
                    f"{problem} with {trained}, {found['learner']} the better: "
                    f"AUC {found['test']['auc']:.3f}, AP {found['test']['ap']:.3f} on test rows"
                )
        self.evidence["packages"] = packages
        self.found["dossiers"] = {problem: self._dossier(problem, made) for problem, made in packages.items()}
        return packages

    def _dossier(self, problem: str, made: dict) -> dict:
        """Brings the dossier of a registered version as a page. Returns where it lies, its hash and its verdict."""
        page = self.folder / "dossiers" / f"{problem}.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_bytes(self.platform.beside_evaluation(made["package"], "dossier.html"))
        made["dossier"] = json.loads(self.platform.beside_evaluation(made["package"], "dossier.json"))
        signed = made["evaluation"]["dossier"]
        failed = f": {', '.join(signed['failed'])}" if signed["failed"] else ""
        self.teller.say(f"{problem}: the dossier says {signed['verdict']}{failed}")
        return {"file": str(page), "package": made["package"], **signed}

    def _release(self, problem: str, made: dict) -> None:
        """Approves what the pipeline registered. In an account people would not approve a version whose dossier fails;
        here it is shown all the same, and the approval says so."""
        failed = ", ".join(made["evaluation"]["dossier"]["failed"])
        before = self.platform.standing(problem)
        self.platform.approve(
            made["package"], f"approved by the demo, though these tests fail: {failed}" if failed else ""
        )
        released = self.platform.await_release(problem, made["package"], before=before)
        self.evidence[f"{problem}_release"] = released
        told = {name: released[name] for name in ("model_name", "shadow", "canary", "promoted")}
        self.found.setdefault("releases", {})[problem] = told
        canary = released["canary"]
        probed = f"; the canary answered {canary['answered']} of {canary['probes']} probes" if canary else ""
        self.teller.say(f"{problem}: {made['evaluation']['learner']} approved and released{probed}")

    def _bad_release(self) -> None:
        """A version that answers nothing is approved; SageMaker takes its traffic away by the alarm that rings."""
        good = self.evidence["fraud_release"]
        planted = plant(self.platform, good["model_package_arn"])
        before = self.platform.standing("fraud")
        self.platform.approve(planted, "planted by the demo, to be rolled back")
        try:
            self.platform.await_release("fraud", planted, before=before)
        except StepFailed as failed:
            self.teller.say(f"the planted bad release: {failed}")
        now = self.platform.released("fraud")
        undone = now.get("undone") or {}
        serves = self.platform.client("sagemaker").describe_endpoint(
            EndpointName=self.platform.outputs["endpoint_name"]
        )
        self.found["bad_release"] = {
            "model_name": undone.get("model_name"),
            "why": undone.get("why"),
            "canary": undone.get("canary"),
            "shadow": undone.get("shadow"),
            "rolled_back": undone.get("model_package_arn") == planted
            and serves["EndpointConfigName"] == now["endpoint_config"] == good["endpoint_config"],
        }

    # Decisions

    def _score_loans(self, month: date) -> None:
        if not self.evidence.get("credit_release"):
            return
        text = f"{month:%Y-%m}"
        self._publish_credit_policy()
        self.platform.run_machine("score-loans", {"month": text, "as_of": instant(month)})
        rows = self.platform.query(
            "predictions", f"SELECT customer_id, loan_id, default_prob FROM predictions WHERE month = '{text}'"
        )
        target = self.folder / "predictions" / f"{text}.csv"
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("w", newline="") as file:
            writer = csv.DictWriter(file, ["customer_id", "loan_id", "default_prob"], lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        decided = self.platform.query(
            "analytics",
            f"SELECT decision, sum(loans) AS loans FROM loans_by_decision WHERE period = '{text}' GROUP BY 1",
        )
        scores = {row["loan_id"]: float(row["default_prob"]) for row in rows}
        truth = self.intake.truth("loan_outcomes", "loan_id", "defaulted")
        measured = quality(scores, truth)
        self.evidence["credit"] = {
            "scores": scores,
            "truth": truth,
            "lines": self._lines_of_decisions(text),
            "policy": json.loads(CREDIT_POLICY.read_text()),
        }
        self.found["credit"] = {
            "month": text,
            "as_of": instant(month),
            "scored": len(scores),
            "auc": measured["auc"],
            "ks": measured["ks"],
            **ranges(scores, truth, {row["loan_id"]: row["customer_id"] for row in rows}),
            **beside_logistic(self.evidence["packages"]["credit"]["evaluation"]),
            "predictions_uri": f"s3://{self.platform.lake}/predictions/month={text}/",
            "decided": {row["decision"]: int(row["loans"]) for row in decided},
        }
        self.teller.say(f"{len(scores)} loans of {text} scored, AUC {show(measured['auc'])} on outcomes seen later")

    def _lines_of_decisions(self, period: str) -> list[dict]:
        """Those of the newest run."""
        found = self.platform.keys(f"predictions/credit_decisions/period={period}/")
        kept = [key for key in found if key.endswith(".jsonl")]
        return [json.loads(line) for line in self.platform.read(max(kept)).splitlines()] if kept else []

    def _publish_credit_policy(self) -> None:
        """An example, whose sentences speak of the demo's columns: a lender writes its own."""
        tables, s3 = self.platform.client("dynamodb"), self.platform.client("s3")
        publisher = Publisher(tables, s3, policies_table(self.platform.prefix), self.platform.lake)
        publisher.publish(Policy.parse(json.loads(CREDIT_POLICY.read_text())), "the demo")

    def _decide_payments(self, day: date) -> None:
        payments = list(self.intake.payments_of(day))
        through_api = last_of_some_customers(payments, ASKED)
        streamed = [fields for payment, fields in payments if payment.transaction_id not in through_api]

        self.platform.stream(
            streamed, PAYMENTS_PER_SECOND, lambda n: self.teller.count(f"{n} of {len(streamed)} payments on the stream")
        )
        log = self.platform.await_decisions(
            str(day), len(streamed), lambda n: self.teller.count(f"{n} of {len(streamed)} payments decided")
        )
        answers, took = [], []
        for payment, fields in payments:
            if payment.transaction_id in through_api:
                answer, milliseconds = self.platform.ask(fields)
                answers.append(answer)
                took.append(milliseconds)
        log = self.platform.await_decisions(
            str(day), len(payments), lambda n: self.teller.count(f"{n} of {len(payments)} payments decided")
        )
        self._weigh_decisions(day, payments, log, answers, took)

    def _weigh_decisions(self, day, payments, log, answers, took) -> None:
        decided = {d["transaction_id"]: d for d in log}
        expected = {payment.transaction_id for payment, _ in payments}
        stream_ms = [d["decided_at"] - d["arrived_at"] for d in log if d["door"] == "stream"]
        logged = {d["transaction_id"] for d in log if d["door"] == "api"}
        if logged != {a["transaction_id"] for a in answers}:
            raise StepFailed(
                f"{len(answers)} payments were answered by the API door, {len(logged)} of them are in the log"
            )
        truth = self.intake.truth("fraud_labels", "transaction_id", "is_fraud")
        scores = {i: d["fraud_score"] for i, d in decided.items() if d["fraud_score"] is not None}
        measured = quality(scores, truth)
        self.found["fraud"] = {
            "streamed": len(expected),
            "decided": len(expected & set(decided)),
            "missing": len(expected - set(decided)),
            "duplicated": len(log) - len(decided),
            "degraded": sum(d["degrade_step"] != "none" for d in decided.values()),
            "auc": measured["auc"],
            "ap": measured["ap"],
            **ranges(scores, truth, {i: d["customer_id"] for i, d in decided.items()}),
            "actions": actions(list(decided.values())),
            "api_p50_ms": percentile(took, 50),
            "api_p99_ms": percentile(took, 99),
            "stream_p50_ms": percentile(stream_ms, 50),
            "stream_p99_ms": percentile(stream_ms, 99),
        }
        self.evidence["fraud"] = {"scores": scores, "truth": truth, "api_ms": took, "stream_ms": stream_ms, "log": log}
        target = self.folder / "decisions" / f"{day}.json"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("".join(json.dumps(d) + "\n" for d in decided.values()))
        found = self.found["fraud"]
        self.teller.say(
            f"{found['decided']} of {found['streamed']} payments decided, {found['missing']} missing, "
            f"{found['duplicated']} duplicated, {found['degraded']} degraded; "
            f"AUC {show(found['auc'])}, AP {show(found['ap'])}"
        )

    # Counting

    def _count_lake(self) -> None:
        """Rows by layer, as the jobs reported them, and what Athena sees."""
        bronze = [self.platform.json(key) for key in self.platform.keys("quality/raw_to_bronze/")]
        silver = [self.platform.json(key) for key in self.platform.keys("quality/bronze_to_silver/")]
        quarantined = [e["quarantined"] for report in (*bronze, *silver) for e in report.values()]
        gold = {
            name: int(self.platform.query("gold", f"SELECT count(*) AS n FROM {name}")[0]["n"])
            for name in ("transaction_features", "loan_features")
        }
        self.found["lake"] = {
            "raw": sum(e["rows"] for report in bronze for e in report.values()),
            "bronze": sum(e["written"] for report in bronze for e in report.values()),
            "silver": sum(e["written"] for report in silver for e in report.values()),
            "gold": sum(gold.values()),
            "quarantined": sum(q["rows"] for q in quarantined),
        }
        reasons: dict[str, int] = {}
        for q in quarantined:
            for reason, count in q["reasons"].items():
                reasons[reason] = reasons.get(reason, 0) + count
        self.evidence["quarantine"] = reasons
        if "fraud" in self.found:
            self.evidence["athena"] = self.platform.query(
                "decisions", "SELECT action, count(*) AS decisions FROM decisions GROUP BY action ORDER BY action"
            )


def last_of_some_customers(payments, count: int) -> set[str]:
    """The last payment of the day of so many customers: nothing of theirs follows that could overtake it."""
    last = {payment.customer_id: payment.transaction_id for payment, _ in payments}
    return set(list(last.values())[-min(count, len(last) // 2) :])


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)


def instant(day: date) -> str:
    return f"{day}T00:00:00Z"


def schedule(day: date) -> str:
    """When the schedule starts the night that follows a day's midnight."""
    return f"{day}T02:00:00Z"


def show(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"


def prepare_folder(folder: Path) -> None:
    """Empties what an earlier run left, other than the local AWS's own state."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("predictions", "decisions", "work"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in ("summary.json", "report.html"):
        (folder / name).unlink(missing_ok=True)
