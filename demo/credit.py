"""The report's part for who answers for the portfolio: what was decided, on what it rests, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from demo import charts, portfolio
from demo.figures import between, money, number, percent, rated, span

EXAMPLES = 12
WORDS = {"APPROVE": "approved", "REFER": "referred to a person", "DECLINE": "declined", "all": "all loans"}
UNITS = "in units of the currency"


def section(summary: Mapping, evidence: Mapping) -> dict:
    """`summary` is the run's part of credit; `evidence` what it was computed from, with the lines of the decisions."""
    seen = evidence["credit"]
    made = evidence.get("packages", {}).get("credit", {})
    rows = portfolio.table(seen.get("lines", ()), seen["truth"])
    evaluation, dossier = made.get("evaluation", {}), made.get("dossier", {})
    found: dict = {
        "title": "Credit: will this loan default?",
        "tiles": tiles(summary, rows),
        "figures": [],
        "tables": [],
    }
    found["tables"].append(provenance(summary, seen, made))
    if len(rows):
        found["tables"] += decided(rows)
        found["figures"] += pictures(rows)
    found["figures"] += [
        *charts.curves(seen["scores"], seen["truth"], "Default"),
        charts.figure("Probability of default", charts.histogram(seen["scores"], seen["truth"], "repaid", "defaulted")),
    ]
    if evaluation:
        found["tables"] += chosen(evaluation)
    if dossier:
        found["tables"].append(asked(dossier))
    return found


def tiles(summary: Mapping, rows) -> list[tuple[str, str, str]]:
    """Name, value, and what it rests on."""
    n, known = summary["scored"], summary.get("known")
    of_known = f"{known:,} loans with known outcome, {summary['bad']:,} in default" if known else ""
    found = [("loans decided", f"{n:,}", summary.get("month", ""))]
    if len(rows):
        parts = portfolio.by_decision(rows)
        for name in portfolio.DECISIONS:
            one = parts[name]
            share = one["share"]
            within = between((share["low"], share["high"]), 100, 1)
            found.append((WORDS[name], percent(share["value"]), f"{within}, {one['loans']:,} loans"))
        whole, lent = parts["all"], parts["APPROVE"]
        found += [
            ("expected loss of what is approved", money(lent["expected_loss"]), f"of {money(lent['exposure'])} lent"),
            ("mean probability of default", percent(whole["mean_pd"]), f"{len(rows):,} loans"),
        ]
        if came := whole["bad_rate"]:
            within = between((came["low"], came["high"]), 100, 1)
            found.append(("came true", percent(came["value"]), f"{within}, {of_known}"))
    ranges = summary.get("intervals") or {}
    for name in ("auc", "ks"):
        found.append(
            (name.upper(), number(summary[name]), ", ".join(filter(None, (between(ranges.get(name)), of_known))))
        )
    if gain := summary.get("gain_over_logistic"):
        within = f"{between((gain['low'], gain['high']))}, test loans of the training"
        found.append(("AUC above a plain logistic regression", f"{gain['value']:+.3f}", within))
    return found


def provenance(summary: Mapping, seen: Mapping, made: Mapping) -> dict:
    """What was decided, when, by which set and versions."""
    evaluation: Mapping = made.get("evaluation", {})
    line: Mapping = next(iter(seen.get("lines", ())), {})
    refit = evaluation.get("refit", {})
    default, rows = refit.get("default"), refit.get("rows", {})
    told = [
        ("month decided on", summary.get("month")),
        ("decided as of", summary.get("as_of")),
        ("model version", made.get("package")),
        ("model", line.get("model")),
        ("learner", evaluation.get("learner")),
        ("learnt from", f"{rows['refit']:,} loans, until {refit['trained_until'][:16]}" if rows else None),
        (
            "default is",
            f"{default['days_past_due']} days past due within {default['months']} months; of outcomes told alone, "
            "what the lender calls so"
            if default
            else None,
        ),
        ("declined loans taught", "no" if evaluation and not evaluation.get("rejects") else rejected(evaluation)),
        ("credit policy", line.get("policy_version")),
        ("it decides", policy(seen.get("policy"))),
        ("feature version", line.get("feature_version")),
        ("rows that were decided on, SHA-256", line.get("snapshot")),
        ("rows of training, SHA-256", evaluation.get("record", {}).get("rows", {}).get("train")),
        ("dossier", verdict(evaluation.get("dossier", {}))),
    ]
    rows_told = [(name, str(value)) for name, value in told if value]
    return {"title": "What this is about", "head": ("", ""), "rows": rows_told}


def rejected(evaluation: Mapping) -> str | None:
    return evaluation["rejects"]["told"] if evaluation.get("rejects") else None


def policy(document: Mapping | None) -> str | None:
    if not document:
        return None
    refer, decline = percent(document["refer_from"]), percent(document["decline_from"])
    lost = percent(document["lgd"], 0)
    return f"a person looks from PD {refer}, the answer is no from {decline}; loss given default {lost} of the exposure"


def verdict(dossier: Mapping) -> str | None:
    return f"{dossier['verdict']}, SHA-256 {dossier['sha256']}" if dossier else None


def decided(rows) -> list[dict]:
    head = ("loans", "share", "mean PD", "exposure", "expected loss", "of it", "known", "bad", "bad rate")

    def cells(one: Mapping) -> tuple[str, ...]:
        return (
            f"{one['loans']:,}",
            rated(one["share"]) if one["loans"] < len(rows) else "",
            percent(one["mean_pd"]),
            money(one["exposure"]),
            money(one["expected_loss"]),
            percent(one["loss_share"]),
            f"{one['known']:,}",
            f"{one['bad']:,}",
            rated(one["bad_rate"]),
        )

    decisions, bands = portfolio.by_decision(rows), portfolio.by_band(rows)
    return [
        {
            "title": f"What was decided, money {UNITS}; rates of loans whose outcome became known, with 95 % intervals",
            "head": ("decision", *head),
            "rows": [(WORDS[name], *cells(one)) for name, one in decisions.items()],
        },
        {
            "title": "Bands, the least risky first",
            "head": ("band", "PD from", "to", *head),
            "rows": [
                (name, percent(one["lowest_pd"]), percent(one["highest_pd"]), *cells(one))
                for name, one in bands.items()
            ],
        },
        {
            "title": "Cut-offs: what would follow if the safest were approved by the score alone",
            "head": ("approved", "PD at most", *head[:1], *head[2:]),
            "rows": [
                (percent(one["approved"], 0), percent(one["cut_off"]), cells(one)[0], *cells(one)[2:])
                for one in portfolio.cut_offs(rows)
            ],
        },
        {
            "title": "Gains: tenths of the loans with a known outcome, the riskiest first",
            "head": ("tenth", "loans", "bad", "bad rate", "of all defaults so far", "times the mean rate"),
            "rows": [
                (
                    one["tenth"],
                    f"{one['loans']:,}",
                    f"{one['bad']:,}",
                    rated(one["bad_rate"]),
                    percent(one["caught"]),
                    number(one["lift"], 1),
                )
                for one in portfolio.gains(rows)
            ],
        },
        {
            "title": f"Reasons of the {decisions['DECLINE']['loans']:,} declined loans; each may be told several",
            "head": ("reason", "sentence that the applicant is told", "loans", "of the declined", "as the first"),
            "rows": [
                (one["code"], one["sentence"], f"{one['loans']:,}", rated(one["share"]), f"{one['first']:,}")
                for one in portfolio.reasons(rows)
            ],
        },
        examples(rows),
    ]


def examples(rows) -> dict:
    riskiest = rows[rows["decision"] == "DECLINE"].sort_values("default_prob", ascending=False).head(EXAMPLES)
    return {
        "title": "The riskiest of the declined loans, and what their applicants are told",
        "head": ("loan", "PD", "band", "asked for", "expected loss", "sentences", "became"),
        "rows": [
            (
                row.loan_id,
                percent(row.default_prob),
                row.band,
                money(row.exposure),
                money(row.expected_loss),
                "; ".join(row.sentences or ()),
                {1.0: "default", 0.0: "repaid"}.get(row.outcome, "unknown"),
            )
            for row in riskiest.astype({"outcome": object}).itertuples()
        ],
    }


def pictures(rows) -> list[dict]:
    known = portfolio.judged(rows)
    tenths = portfolio.calibration(known["default_prob"], known["outcome"].astype(float))
    of = f"{len(known):,} loans, {int(known['outcome'].sum()):,} in default"
    return [
        charts.figure(
            f"Predicted and met, by band ({of})",
            charts.bands(portfolio.by_band(rows)),
            "Whiskers are 95 % intervals of what came true. Where they hold the grey bar, chance explains the gap.",
        ),
        charts.figure(
            f"Gains ({of})",
            charts.gains(portfolio.gains(rows)),
            "How many of all defaults a lender finds who looks at the riskiest loans first.",
        ),
        charts.figure(
            f"Calibration ({of})",
            charts.calibration(tenths, "tenths of the loans"),
            "Below the line fewer loans defaulted than were predicted, above it more.",
        ),
    ]


def chosen(evaluation: Mapping) -> list[dict]:
    """Champion and challengers, which columns were not used, and what is beyond the fairness policy."""
    contest, reached = (
        evaluation["decided_by"],
        {c["learner"]: c["validation"] for c in evaluation.get("candidates", ())},
    )
    gaps = {contest["best"]: None, **contest["behind_best"]}
    n, on = evaluation.get("validation", {}).get("rows"), evaluation.get("pooled", {}).get("rows")
    if evaluation.get("validation"):
        reached.setdefault(evaluation["learner"], evaluation["validation"])
    met = f"; compared on loans that none of them knew, {on - evaluation['test']['rows']:,} of them" if on else ""
    return [
        {
            "title": f"Champion and challengers: {why_chosen(contest)}{met}",
            "head": (
                "learner",
                f"AUC on {n:,} validation loans" if n else "AUC",
                "AUC below the best",
                "95 % interval",
                "the best is ahead in",
                "ties",
            ),
            "rows": [(name, number(reached.get(name, {}).get("auc")), *behind(gap)) for name, gap in gaps.items()],
        },
        {
            "title": "Columns that were not used",
            "head": ("column", "why"),
            "rows": [(column["name"], column["reason"]) for column in evaluation["set_aside"]],
        },
        {
            "title": f"Fairness on loans unknown to the model: {evaluation['fairness']['verdict']}",
            "note": "" if evaluation["fairness"]["breaches"] else "No group is beyond the policy by more than chance.",
            "head": ("column", "group", "beyond the policy", "value"),
            "rows": [
                (b["column"], b["group"], b["of"], number(b["value"])) for b in evaluation["fairness"]["breaches"]
            ],
        },
    ]


def why_chosen(contest: Mapping) -> str:
    if contest["winner"] == contest["best"]:
        return f"{contest['winner']} ranks best, and no simpler one ties with it"
    return f"{contest['winner']}, the simplest that ties with {contest['best']}, which ranks best"


def behind(gap: Mapping | None) -> Sequence[str]:
    if gap is None:
        return ("best", "", "", "")
    ahead = f"{percent(gap['ahead'], 0)} of draws"
    return (number(gap["value"]), span(gap["low"], gap["high"]), ahead, "yes" if gap["tie"] else "no")


def asked(dossier: Mapping) -> dict:
    """The dossier's questions and verdicts, and what it does not say."""
    rows = dossier["rows"]
    return {
        "title": f"The dossier, on {rows['test']:,} test loans, with {rows['validation']:,} that validate from "
        f"{dossier['window'][0][:10]} to {dossier['window'][1][:10]}: {dossier['verdict']}",
        "head": ("question", "found", "95 % interval", "asked for", "verdict"),
        "rows": [
            (
                t["name"],
                "" if t["value"] is None else number(t["value"]),
                span(t["low"], t["high"]),
                t["threshold"],
                t["verdict"],
            )
            for t in dossier["tests"]
        ],
        "note": dossier["limits"],
    }
