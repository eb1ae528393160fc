"""Timetables: when schedules fire.

Called by whatever plans, shows or checks schedules. They import only the model; cron is read by the library
cronsim.
"""
