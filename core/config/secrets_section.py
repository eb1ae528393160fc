"""`[secrets.NAME]`: where a secret is read, never the secret.

One of the sections.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field, model_validator

from core.config.field_types import Duration, FilePath, Text, Variable, matching
from core.config.section import Section
from core.config.tables import Table

SOURCES: Final = ("file", "env", "command", "credential")
"""Where a secret may be; each names one."""


_Credential = Annotated[
    str, matching(r"[A-Za-z0-9_.@-]{1,255}", "the name of a credential: letters, digits, _, ., @ and -")
]


class SecretTable(Table):
    """`[secrets.NAME]`; one of `file`, `env`, `command` and `credential`."""

    file: FilePath | None = None
    """A file that only its owner may read (0600); relative to the data directory."""
    env: Variable | None = None
    """A variable of the engine."""
    command: Annotated[list[Text], Field(min_length=1, max_length=100)] | None = None
    """A command of the engine that writes it to its standard output, word by word."""
    credential: _Credential | None = None
    """A credential of the systemd unit of the engine (`LoadCredential=`)."""
    timeout: Duration = 10_000
    """How long the command may take."""

    @model_validator(mode="after")
    def _one(self) -> SecretTable:
        named = [name for name in SOURCES if getattr(self, name) is not None]
        if len(named) != 1:
            raise ValueError(f"must have one of {', '.join(SOURCES)}")
        if "timeout" in self.model_fields_set and self.command is None:
            raise ValueError("`timeout` is of a `command`")
        return self

    @property
    def source(self) -> str:
        """Return which of the sources it is."""
        return next(name for name in SOURCES if getattr(self, name) is not None)

    @property
    def place(self) -> str:
        """Return what the source names; of a command the program alone."""
        if self.command is not None:
            return self.command[0]
        return str(getattr(self, self.source))


SECRETS: Final = Section(
    name="secrets",
    table=SecretTable,
    example="""\
[secrets.github]                # `${{ secrets.github }}` in `with:` of a task; read when an attempt begins
env = "GITHUB_TOKEN"            # a variable of the engine
[secrets.database]
file = "/home/ana/.config/database.password"    # 0600
[secrets.vault]
command = ["pass", "show", "vault"]
timeout = "10s"
[secrets.mail]
credential = "mail"             # of the systemd unit: LoadCredential=mail:/etc/mail.password
""",
)
