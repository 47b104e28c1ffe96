"""Fraud by the Handbook's protocol: settings from earlier weeks, then consecutive weekly folds."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial

import numpy as np
import pandas as pd

from features.encoding import Encoding
from features.fraud import FRAUD
from tools.quality import handbook_peer
from tools.quality.besides import Scored, resting_on_more, rings
from tools.quality.handbook import Fold, consecutive, earlier, parts
from tools.raw_data.files import Unusable
from tools.telling import Teller
from training.fraud_set import assemble, fit_encoding
from training.learners import LEARNERS, Rows
from training.metrics import RANKING, card_precision
from training.problems import PROBLEMS
from training.selection import Choice, choose, teaches
from training.selection import Fold as Judged
from training.train import matrix

SEED = 0
LESS = "without what payments need not say"
CHOSEN_ON = 3  # earlier folds that settings are chosen on, where the data goes back so far
FRAUDS = PROBLEMS["fraud"]


class Payments:
    """Vectors with the label that came to be known in the end, and the labels as they were told."""

    def __init__(self, vectors: pd.DataFrame, labels: pd.DataFrame) -> None:
        final = labels.sort_values("reported_at").drop_duplicates("transaction_id", keep="last")
        rows = vectors.merge(final[["transaction_id", "is_fraud"]], on="transaction_id", how="inner")
        self.rows = rows.sort_values(["event_time", "transaction_id"], ignore_index=True)
        self.labels = labels
        self.day = self.rows["event_time"].dt.tz_convert(None).to_numpy().astype("datetime64[D]")
        self.customer = self.rows["customer_id"].to_numpy()
        self.y = self.rows["is_fraud"].to_numpy().astype(int)
        self.encoding = fit_encoding(self.rows)
        # What is the same in every row is in no model.
        self.less = fit_encoding(self.rows.assign(**dict.fromkeys(resting_on_more(FRAUD), 0.0)))

    @property
    def rests_on_more(self) -> bool:
        """Whether some value that a payment need not say tells payments apart."""
        return self.less.names != self.encoding.names

    def first_day(self) -> date:
        return self.day.min().item()

    def last_day(self) -> date:
        return self.day.max().item()

    def known(self, teaches: np.ndarray, fold: Fold) -> pd.DataFrame:
        """Rows that teach, by the labels that are known when the test starts."""
        as_of = pd.Timestamp(fold.test_start, tz="UTC")
        return assemble(self.rows.loc[teaches].drop(columns="is_fraud"), self.labels, as_of)

    def split(self, fold: Fold, encoding: Encoding | None = None) -> tuple[Rows, Rows, np.ndarray]:
        """What teaches, with the labels known when the test starts; what tests; and the mask of the latter."""
        encoding = encoding or self.encoding
        teaches, tests = parts(self.day, self.customer, self.y, fold)
        known = self.known(teaches, fold)
        learned = Rows(matrix(known, encoding), known["label"].to_numpy())
        return learned, Rows(matrix(self.rows.loc[tests], encoding), self.y[tests]), tests


def measure(
    payments: Payments,
    start: date,
    count: int,
    teller: Teller,
    peers: bool = False,
    truth: pd.DataFrame | None = None,
) -> dict:
    """The report of `count` folds from `start`, with `peers` that of the Handbook's own features and of our model
    without what payments need not say on the same folds, and with `truth` how many rings are found. Raises Unusable
    when the data does not reach that far."""
    folds = consecutive(start, count)
    require_days(payments, folds)
    choice = chosen(payments, folds[0], teller, tuple(f"fold of {fold.start}" for fold in folds))
    steps = {f"fold of {fold.start}": partial(measure_fold, payments, fold, choice) for fold in folds}
    scored = [*teller.through(steps).values()]
    beside: dict[str, dict] = {}
    if peers:
        beside["peers"] = {name: with_mean(found) for name, found in peer_folds(payments, folds).items()}
        if payments.rests_on_more:
            beside["peers"][LESS] = with_mean([measure_fold(payments, f, choice, without_more=True)[0] for f in folds])
    if truth is not None:
        beside["rings"] = rings((tested for _, tested in scored), truth)
    return {
        **with_mean([found for found, _ in scored]),
        **beside,
        "feature_version": FRAUD.version,
        "learner": choice.learner,
        "settings": choice.settings.document(),
        "chosen_on": [str(f.start) for f in earlier(folds[0], payments.first_day(), CHOSEN_ON)],
        "chosen_by": {"measure": FRAUDS.measure, "mean": choice.measure},
    }


def chosen(payments: Payments, first: Fold, teller: Teller, left: tuple[str, ...]) -> Choice:
    """The best learner and settings on weeks whose labels were all known before the first fold trained."""
    judged = []
    for fold in earlier(first, payments.first_day(), CHOSEN_ON):
        learned, tested, _ = payments.split(fold)
        if teaches(learned) and teaches(tested):
            judged.append(Judged(learned, tested))
    choices = []
    for learner, candidates in FRAUDS.candidates.items():
        with teller.phase(f"settings of {learner}: {len(candidates)} on {len(judged)} earlier weeks", left):
            choices.append(choose(learner, candidates, judged, RANKING[FRAUDS.measure], SEED))
    return max(choices, key=lambda choice: -1.0 if choice.measure is None else choice.measure)


def measure_fold(payments: Payments, fold: Fold, choice: Choice, without_more: bool = False) -> tuple[dict, Scored]:
    """Figures of a fold and its scores; `without_more` leaves out features of what a payment need not say."""
    learned, tested, mask = payments.split(fold, payments.less if without_more else payments.encoding)
    for rows, what in ((learned, "week that teaches"), (tested, "week that tests")):
        if not teaches(rows):
            raise Unusable(
                f"fold {fold.start}: expected frauds and honest payments in the {what}, "
                f"found {int(rows.y.sum())} frauds among {len(rows.y)} payments"
            )
    p = LEARNERS[choice.learner].fit(learned, choice.settings, SEED).margins(tested.x)
    scores = Scored(payments.rows["transaction_id"].to_numpy()[mask], payments.customer[mask], tested.y, p)
    return judged(payments, fold, mask, p, len(learned.y)), scores


def peer_folds(payments: Payments, folds: list[Fold]) -> dict[str, list[dict]]:
    of_time = {by_days: handbook_peer.features(payments.rows, by_days) for by_days in (False, True)}
    place = pd.Series(np.arange(len(payments.rows)), index=payments.rows["transaction_id"])
    found: dict[str, list[dict]] = {name: [] for name in handbook_peer.PEERS}
    for fold in folds:
        teaches, tests = parts(payments.day, payments.customer, payments.y, fold)
        known = payments.known(teaches, fold)
        for name, settings in handbook_peer.PEERS.items():
            columns = of_time[name in handbook_peer.BY_CLOSED_DAYS]
            learned = columns[place[known["identifier"]]]
            p = handbook_peer.margins(settings, learned, known["label"].to_numpy(), columns[tests])
            found[name].append(judged(payments, fold, tests, p, len(learned)))
    return found


def judged(payments: Payments, fold: Fold, tests: np.ndarray, p: np.ndarray, train_rows: int) -> dict:
    y = payments.y[tests]
    return {
        "start": str(fold.start),
        "auc": float(RANKING["auc"](y, p)),
        "ap": float(RANKING["ap"](y, p)),
        "cp100": card_precision(payments.day[tests], payments.customer[tests], y, p),
        "train_rows": train_rows,
        "test_rows": len(y),
    }


def with_mean(folds: list[dict]) -> dict:
    return {"folds": folds, "mean": {n: float(np.mean([f[n] for f in folds])) for n in ("auc", "ap", "cp100")}}


def told(report: dict) -> list[str]:
    """The peer's figures, and by how much ours are above them."""
    lines = []
    for name, peer in report.get("peers", {}).items():
        ahead = ", ".join(f"{k} {v:.4f} (ours {report['mean'][k] - v:+.4f})" for k, v in peer["mean"].items())
        lines.append(f"  {name}: {ahead}")
    if found := report.get("rings"):
        lines.append(
            f"  rings: {found['found']} of {found['rings']} found where {found['precision']:.0%} of the alerts are "
            f"frauds, by {found['payments_found']} of their {found['payments']} payments"
        )
    return lines


def require_days(payments: Payments, folds: list[Fold]) -> None:
    first, last = folds[0].start, folds[-1].end - timedelta(days=1)
    if payments.first_day() > first or payments.last_day() < last:
        raise Unusable(
            f"START={first} and FOLDS={len(folds)} need labelled payments from {first} to {last}; "
            f"the data has them from {payments.first_day()} to {payments.last_day()}"
        )
