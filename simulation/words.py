"""A plan in a few lines."""

from __future__ import annotations

from simulation.plan import Plan


def header(plan: Plan) -> str:
    lines = [f"seed {plan.seed}: {plan.shards} shards, batches of at most {plan.batch}, clocks off by {plan.skews} ms"]
    for place in sorted({act.payment for act in plan.acts}):
        paid = plan.payments[place]
        doors = ", ".join(f"client {act.client} {act.kind}" for act in plan.acts if act.payment == place)
        stamp = f"{paid.at - plan.start:+} ms"
        lines.append(f"  {paid.identifier} {paid.customer} {paid.merchant} {paid.amount} cents, {stamp}: {doors}")
    lines += [f"  {operation.kind} after {operation.after} ms" for operation in plan.operations]
    lines += [f"  step {step}: {kind}" for step, kind in plan.faults]
    lines += [f"  {o.service} is away from step {o.first} for {o.length} steps" for o in plan.outages]
    lines += [f"  delivery {number} comes again" for number in sorted(plan.redelivered)]
    return "\n".join(lines)
