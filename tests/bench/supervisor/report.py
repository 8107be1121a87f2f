# SPDX-License-Identifier: MIT
"""The table of one run, with ratios, and the budgets of the supervisor."""

import statistics

HTTP_USEC = 150  # phoenixd, per check
EXEC_USEC = 5000  # phoenixd, lease and the program
PHOENIXD_RSS_KIB = 8 * 1024  # at 1,000 services
LEASE_PSS_KIB = 64  # each, at 1,000 services


def own_usec(cost):
    """phoenixd and the lease, programs of checks included; systemd is shown beside it."""
    return cost["phoenixd"]["cpu_usec"] + cost["lease"]["cpu_usec"]


def ratio(a, b):
    return f"{a / b:.2f}" if b else "-"


def cpu_rows(cpu):
    yield ("check            phoenixd  lease  systemd |   sum  wakeups |  bare   monit  podman |"
           " /bare /monit  podman/")
    podman = cpu["podman"]["cpu_usec"]
    for where in ("binary", "container"):
        for kind, cost in cpu[where].items():
            own = own_usec(cost)
            bare, monit = cpu["floor"][kind], cpu["monit"][kind]["cpu_usec"]
            podman_text, times = (f"{podman:7.0f}", f"{podman / own:8.0f}")
            wakeups = cost["phoenixd"]["wakeups"] + cost["lease"]["wakeups"]
            yield (f"{where + ' ' + kind:15} {cost['phoenixd']['cpu_usec']:9.0f} "
                   f"{cost['lease']['cpu_usec']:6.0f} {cost['manager']['cpu_usec']:8.0f} | "
                   f"{own:5.0f} {wakeups:8.2f} | {bare:5.0f} {monit:7.0f} {podman_text} | "
                   f"{ratio(own, bare):>5} {ratio(own, monit):>6} {times}")
    yield (f"podman healthcheck run: {podman / 1000:.1f} ms CPU, "
           f"{cpu['podman']['wall_usec'] / 1000:.1f} ms wall")


def memory_rows(memory):
    yield "phoenixd     services  RSS MiB  PSS MiB  own MiB  start ms  known s  joined s  us/check  stop s"
    for row in memory["fakes"]:
        kib = row["memory_kib"]
        yield (f"{'':12} {row['services']:8} {kib['rss'] / 1024:8.1f} {kib['pss'] / 1024:8.1f} "
               f"{kib['private_dirty'] / 1024:8.1f} {row['start_sec'] * 1e3:9.0f} "
               f"{row['known_sec']:8.1f} {row['join_sec']:9.2f} {row['cpu_usec']:9.0f} "
               f"{row['stop_sec']:7.2f}")
    yield "real units   services  RSS MiB  own MiB  lease PSS KiB  start s  wakeups/s: phoenixd  lease"
    for row in memory["units"]:
        kib = row["phoenixd_kib"]
        idle = {name: woken / row["seconds"] for name, woken in row["idle_wakeups"].items()}
        yield (f"{'':12} {row['services']:8} {kib['rss'] / 1024:8.1f} "
               f"{kib['private_dirty'] / 1024:8.1f} {row['lease_pss_kib']:14.1f} "
               f"{row['start_sec']:8.1f} {idle['phoenixd']:20.2f} {idle['lease']:6.2f}")
    lease = memory["units"][-1]["lease_pss_kib"]
    for name in ("s6", "runit"):
        peer = memory[name]
        yield (f"{name + ', each':22} PSS {peer['pss_kib']:.0f} KiB, {peer['wakeups']} wakeups in "
               f"{peer['seconds']} s; a lease is {lease / peer['pss_kib']:.2f} of it")


def median_text(values):
    return f"{statistics.median(values):9.2f}" if values else f"{'-':>9}"


def heal_rows(results):
    yield "seconds              killed to 200   first 503 to 200   of it detection   last 503 to 200"
    for row in results:
        detection = f"{row['detection_sec']:.0f}" if row["detection_sec"] else "-"
        yield (f"{row['name']:20} {median_text(row['crash_sec']):>14} "
               f"{median_text(row['total_503_sec']):>18} {detection:>17} "
               f"{median_text(row['after_503_sec']):>17}")


ROWS = {"cpu": ("CPU per check, microseconds", cpu_rows), "memory": ("Memory", memory_rows),
        "heal": ("Heal time", heal_rows)}


def text(result):
    lines = []
    for part, (title, rows) in ROWS.items():
        if part in result:
            lines += ["", f"-- {title}", *rows(result[part])]
    return "\n".join(lines)


def missed(result):
    """Budgets that this run missed, one line each."""
    lines = []

    def hold(what, value, limit, unit):
        if value > limit:
            lines.append(f"{what}: {value:.0f} {unit}, at most {limit}")

    if "cpu" in result:
        binary = result["cpu"]["binary"]
        hold("http check in phoenixd", binary["http"]["phoenixd"]["cpu_usec"], HTTP_USEC, "us")
        for where in ("binary", "container"):
            hold(f"exec check, {where}", own_usec(result["cpu"][where]["exec"]), EXEC_USEC, "us")
    if "memory" in result:
        for row in result["memory"]["fakes"]:
            if row["services"] == 1000:
                hold("phoenixd with 1,000 services", row["memory_kib"]["rss"], PHOENIXD_RSS_KIB,
                     "KiB RSS")
        for row in result["memory"]["units"]:
            if row["services"] == 1000:
                hold("a lease among 1,000", row["lease_pss_kib"], LEASE_PSS_KIB, "KiB PSS")
    return lines
