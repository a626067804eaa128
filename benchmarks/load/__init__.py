"""The whole system under load, and beside it, in the same run, its bare parts.

    python -m benchmarks.load [--quick] [--only PART ...] [--json FILE]

The Procfile's own processes (queue server, web, readers, verifiers, sealers, clock) work on made
files that are handed in over HTTP. The tax authority is a stand-in: a vendor's interface by HTTP
where the machine is to be the limit, the portal's page in Chromium where that page is measured.
Stand-ins and this benchmark itself use the same cores; what they use is printed.

- `steady`: documents a second from upload to archive with 1, 2 and 4 workers of each stage, where
  the time goes, and how long an upload waits for its answer meanwhile.
- `flood`: ten thousand uploads at once; rate and waiting, memory, how the queue is drained.
- `kinds`: processor time of a document of each kind, by process, beside its bare reading.
- `bare`: an insert and a row of the trail on each database, and the portal's page, each alone.

Where a document's time goes is taken from what the product itself wrote: seconds by stage on the
document, and the moments in the audit trail.
"""
