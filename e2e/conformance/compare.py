"""Compares two Autobahn reports: exits 1 when the tunnel has a failure that the same run without it has not."""
import json
import sys
from collections import Counter

direct_file, tunnel_file, report_file = sys.argv[1:4]
direct = next(iter(json.load(open(direct_file)).values()))
tunnel = next(iter(json.load(open(tunnel_file)).values()))
GOOD = ("OK", "INFORMATIONAL", "NON-STRICT")


def worse(case):
    pairs = [(direct[case][k], tunnel.get(case, {}).get(k, "MISSING")) for k in ("behavior", "behaviorClose")]
    return any(b not in GOOD and b != a for a, b in pairs)


bad = sorted((c for c in direct if worse(c)), key=lambda c: [int(n) for n in c.split(".")])
different = sorted(
    (c for c in direct if direct[c]["behavior"] != tunnel.get(c, {}).get("behavior")),
    key=lambda c: [int(n) for n in c.split(".")],
)
count = {n: Counter(v["behavior"] for v in r.values()) for n, r in (("direct", direct), ("tunnel", tunnel))}
behaviours = sorted(set(count["direct"]) | set(count["tunnel"]))
lines = [
    "# WebSocket conformance through the tunnel",
    "",
    "The Autobahn suite (all cases but compression, which is between visitor and target) against an echo server of",
    "Python's `websockets`, once straight and once through gateway and agent in the same run (`make conformance`).",
    "",
    "| behaviour | straight | through the tunnel |",
    "|---|--:|--:|",
    *(f"| {b} | {count['direct'][b]} | {count['tunnel'][b]} |" for b in behaviours),
    f"| all cases | {len(direct)} | {len(tunnel)} |",
    "",
    "Cases that fail through the tunnel and not straight: " + (", ".join(bad) or "none") + ".",
    "Cases that merely differ: "
    + (", ".join(f"{c} ({direct[c]['behavior']} -> {tunnel.get(c, {}).get('behavior')})" for c in different) or "none")
    + ".",
]
open(report_file, "w").write("\n".join(lines) + "\n")
print("\n".join(lines))
sys.exit(1 if bad else 0)
