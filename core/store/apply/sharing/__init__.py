"""What a claim may take where pools or limits are configured.

`shares` takes slots (`pool_slots`) and amounts (`gauge_needs`) for what is chosen. What has to wait is shut,
and opened again, by `gauge_waits`.
"""
