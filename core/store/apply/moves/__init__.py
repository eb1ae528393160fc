"""The one guarded write per legal move, for tasks, attempts, stages, jobs.

Called by the other files of `core.store.apply`.

Nothing else writes a status. A move takes its guard, target and event from the table in
`core.model.status` and leaves counters, lane heads and history as the change wants them. What it does
not return, or answers with False, did not land.
"""
