"""The whole system for a while among faults: does anything get lost, doubled or left behind?

    python -m benchmarks.endurance --documents 300 --faults 200 --seed 1

Real processes of the Procfile, PostgreSQL, a queue server, an S3 server and the stand-in portal,
all of them killed, stopped, wiped, filled, slowed or set to another day by chance while clients
hand documents in (`faults.py` lists how). Afterwards the pile drains, and every promise is checked
(`invariants.py`). The exit status is 1 where one does not hold.
"""
