"""The scripts that let shells ask for completions.

Written by `core.cli.completion`; those of `--show-completion` ask in the same way.
"""

from __future__ import annotations

# The names of the variables are those of the scripts that earlier versions installed: these go on working.

_BASH = r"""_taskdeck_completion() {
    local IFS=$'\n'
    COMPREPLY=( $(env COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD=$COMP_CWORD \
        _TASKDECK_COMPLETE=complete_bash "$1" 2>/dev/null) )
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[/=] ]]; then compopt -o nospace 2>/dev/null; fi
    return 0
}
complete -o default -F _taskdeck_completion taskdeck
"""
_ZSH = r"""#compdef taskdeck
_taskdeck_completion() {
    eval "$(env _TYPER_COMPLETE_ARGS="${words[1,$CURRENT]}" \
        _TASKDECK_COMPLETE=complete_zsh taskdeck 2>/dev/null)"
}
compdef _taskdeck_completion taskdeck
"""
_FISH = (
    'complete --command taskdeck --no-files --arguments "(env _TASKDECK_COMPLETE=complete_fish'
    ' _TYPER_COMPLETE_FISH_ACTION=get-args _TYPER_COMPLETE_ARGS=(commandline -cp) taskdeck 2>/dev/null)"'
    ' --condition "env _TASKDECK_COMPLETE=complete_fish _TYPER_COMPLETE_FISH_ACTION=is-args'
    ' _TYPER_COMPLETE_ARGS=(commandline -cp) taskdeck 2>/dev/null"\n'
)
SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}
"""By the name of the shell."""
