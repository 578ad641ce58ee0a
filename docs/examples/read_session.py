"""Read a session's table with the Python library's own csv, and plot the emotions over time.

``python read_session.py talk.csv talk.png``: the table is the one that a session leaves, or that
``realtime-ser sessions export`` writes. Needs matplotlib.
"""

import csv
import sys

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

table, picture = sys.argv[1:3]
with open(table, encoding="utf-8", newline="") as file:
    rows = list(csv.DictReader(file))
header = list(rows[0])
labels = header[header.index("certain") + 1 : header.index("level_dbfs")]
times = [float(row["time_s"]) for row in rows]
figure, axes = pyplot.subplots(figsize=(12, 4), layout="constrained")
for label in labels:
    values = [float(row[label]) if row[label] else float("nan") for row in rows]
    axes.plot(times, values, label=label)
axes.set(xlabel="seconds", ylabel="probability", ylim=(0, 1))
axes.legend(ncols=len(labels), loc="upper center", frameon=False)
figure.savefig(picture)
print(f"{len(rows)} steps, {sum(row['state'] == 'speech' for row in rows)} of speech")
