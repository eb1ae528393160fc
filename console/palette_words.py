"""Words by which people look for actions and screens.

Read by the palette. An action of the key table is found by its description and name without an entry here.
"""

from __future__ import annotations

from collections.abc import Mapping

ACTION_WORDS: Mapping[str, str] = {
    "help": "keys shortcuts bindings manual ?",
    "goto": "open jump number find job task",
    "recall": "saved view bookmark filter favourites",
    "copy": "yank clipboard id json",
    "jump": "go parent job dependency upstream downstream needs dependants",
    "watch": "notify bell alert tell me when done ends",
    "new_job": "submit run start create launch workflow",
    "repeat": "again redo",
    "undo": "revert back",
    "write": "protected arm unlock read-only sudo",
    "freeze": "pause stop updates hold still",
    "reload": "refresh update",
    "repaint": "redraw refresh clear garbage",
    "suspend": "background shell stop job",
    "start_engine": "serve daemon server restart replace upgrade",
    "mouse": "click wheel scroll pointer",
    "theme": "colours colors dark light appearance",
    "leave": "close back",
    "history_back": "previous",
    "history_forward": "next",
    "last_view": "previous toggle",
    "filter": "search find where grep query",
    "search": "find grep",
    "open": "details show enter drill",
    "inspect": "details show preview inspector fields",
    "sort_left": "order",
    "sort_right": "order",
    "invert": "sort descending ascending reverse",
    "columns": "fields hide show layout",
    "include": "filter only",
    "exclude": "filter without not",
    "export": "save write file csv jsonl download dump",
    "mark": "select tag tick",
    "mark_range": "select tag",
    "mark_all": "select everything tag",
    "unmark": "deselect clear selection",
    "times": "ages clock timestamps dates",
    "preset": "dead retrying failed",
    "past_status": "filter only failed running",
    "past_tasks": "everything jobs tasks then",
    "drawn": "graph dag tree list dependencies",
    "families": "failures errors groups kinds patterns fingerprints",
    "task_by_task": "failures tasks dead",
    "acknowledge": "ack snooze silence mute ignore known",
    "retry": "rerun restart again redo requeue",
    "again": "resubmit rerun edit parameters clone duplicate",
    "cancel": "stop abort end terminate",
    "kill": "stop end terminate sigkill abort force",
    "pause": "stop suspend resume continue unpause",
    "hold": "pause suspend release unhold park",
    "logs": "log output stdout stderr tail print",
    "follow": "tail",
    "why": "blocked waiting stuck pending reason",
    "events": "history audit timeline what happened",
    "bundle": "export archive zip share attach support save write dump download incident",
    "orphan_keep": "adopt watch",
    "orphan_kill": "kill stop end",
    "orphan_requeue": "retry rerun again",
    "orphan_fail": "give up",
}
"""By the id of the key."""

PLACE_WORDS: Mapping[str, str] = {
    "pulse": "overview home dashboard summary status start throughput",
    "jobs": "runs workflows dag list",
    "tasks": "steps work list",
    "retries": "failed failures dead errors dlq trouble retrying",
    "failures": "errors families groups kinds patterns causes exceptions",
    "queues": "lanes lines depth backlog waiting",
    "orphans": "lost zombies leftovers ownerless",
    "handoff": "note summary shift report paste",
    "events": "history log audit journal what happened",
}
"""By the name of the screen."""
