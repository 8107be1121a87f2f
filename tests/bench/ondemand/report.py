# SPDX-License-Identifier: MIT
"""The tables of one run, with ratios, and the budgets of services that are started on demand."""

import statistics

COLD_RATIO = 0.6  # of the recipe
FROZEN_USEC = 15000
# Two equal ways differ by this much at least, whatever the rounds say.
NOISE_LEAST = 0.1


def quantile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def times(values):
    return (f"{statistics.median(values) / 1e3:8.1f} {min(values) / 1e3:8.1f} "
            f"{quantile(values, 0.9) / 1e3:8.1f} {max(values) / 1e3:8.1f}")


def recipe_of(name, rows):
    """The recipe for the same kind of service; None where it is one itself."""
    other = f"{name.partition(',')[0]}, recipe"
    return None if name == other else rows.get(other)


def ratio(name, rows):
    recipe = recipe_of(name, rows)
    return statistics.median(rows[name]["usec"]) / statistics.median(recipe["usec"]) if recipe else None


def text_of(value):
    return f"{value:.2f}" if value is not None else "-"


def cold_rows(rows):
    yield f"{'milliseconds':24}   median    least      p90     most  /recipe  refused at first"
    for name, row in rows.items():
        refused = sum(n > 0 for n in row["refused"])
        yield (f"{name:24} {times(row['usec'])} {text_of(ratio(name, rows)):>8}  "
               f"{refused} of {len(row['usec'])}")
    yield ""
    yield "where it goes: milliseconds since the client began, medians"
    for name, row in rows.items():
        found = {}
        for look in row["phases"]:
            for phase, usec in look.items():
                found.setdefault(phase, []).append(usec)
        ends = sorted((statistics.median(usec) / 1e3, phase) for phase, usec in found.items())
        yield f"{name:24} " + ", ".join(f"{phase} {msec:.1f}" for msec, phase in ends)


def frozen_rows(rows):
    yield f"{'milliseconds':24}   median    least      p90     most"
    for name, row in rows.items():
        yield f"{name:24} {times(row['usec'])}"


def warm_rows(rows):
    names = list(next(iter(rows.values())))
    yield "requests per second (latency p50/p99 in microseconds), on new or kept connections"
    yield f"{'':22}" + "".join(f"{name:>20}" for name in names) + "  /direct"
    for name, loads in rows.items():
        direct = rows[f"{name.partition(',')[0]}, direct"]
        cells = "".join(f"{row['per_sec']:.0f} ({row['p50_usec']:.0f}/{row['p99_usec']:.0f})".rjust(20)
                        for row in loads.values())
        ratios = " ".join(f"{row['per_sec'] / direct[key]['per_sec']:.2f}" for key, row in loads.items())
        yield f"{name:22}{cells}  {ratios}"


ROWS = {"cold": ("First byte, cold", cold_rows), "frozen": ("First byte, frozen", frozen_rows),
        "warm": ("Warm", warm_rows)}


def text(result):
    lines = []
    for part, (title, rows) in ROWS.items():
        if part in result:
            lines += ["", f"-- {title}", *rows(result[part])]
    return "\n".join(lines)


def missed_cold(rows):
    for name in rows:
        value = ratio(name, rows)
        # A program alone has nothing that could be saved; what is held until it is healthy costs.
        if value is not None and name.startswith("container") and value > COLD_RATIO:
            yield f"cold {name}: {value:.2f} of the recipe, at most {COLD_RATIO}"


def missed_frozen(rows):
    for name, row in rows.items():
        usec = statistics.median(row["usec"])
        if usec > FROZEN_USEC:
            yield f"frozen {name}: {usec / 1e3:.1f} ms, at most {FROZEN_USEC / 1e3:.0f}"


def missed_warm(rows):
    """Native is the way of a service that listens by itself, so it must not differ from that."""
    direct, native = rows["binary, direct"], rows["binary, native"]
    for key, row in native.items():
        noise = max(NOISE_LEAST, row["spread"], direct[key]["spread"])
        value = row["per_sec"] / direct[key]["per_sec"]
        if value < 1 - noise:
            yield f"native, {key}: {value:.2f} of direct, which noise of {noise:.2f} does not explain"


CHECKS = {"cold": missed_cold, "frozen": missed_frozen, "warm": missed_warm}


def missed(result):
    """Budgets that this run missed, one line each."""
    return [line for part, check in CHECKS.items() if part in result for line in check(result[part])]
