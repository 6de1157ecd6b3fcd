"""`serve`: one node in this process, until a signal, its cluster or its disk ends it."""

import logging
import os
import sys
from collections.abc import Collection, Mapping

from tfraft.cli.exits import ExitCode, exit_code_of
from tfraft.clusters.logs import log_to
from tfraft.clusters.setting_sources import read_settings
from tfraft.errors import TfRaftError

logger = logging.getLogger(__name__)


def serve(
    options: Mapping[str, object], environ: Mapping[str, str], *, config: str | None, other_variables: Collection[str]
) -> ExitCode:
    """Run one node to its end; what it has to say goes to standard error, the last line of all says why it ended.

    Raises SettingError for settings that cannot be: then nothing has been begun."""
    settings = read_settings(options, environ, config=config, other_variables=other_variables)
    # Imported only here: gRPC takes time to load, and a wrong setting is told at once.
    from tfraft.clusters.loops import run
    from tfraft.clusters.serving import serve as serve_until_end

    # Where standard error is closed there is nobody to tell.
    stream = sys.stderr or open(os.devnull, "w")  # noqa: SIM115 -- it is open to the end
    log_to(stream, settings.log_format, settings.log_level, server_id=settings.id)
    try:
        run(serve_until_end(settings))
    except TfRaftError as error:
        logger.error("%s", error)
        return exit_code_of(error)
    except Exception:
        logger.exception("%s could not go on", settings.id)
        return ExitCode.INTERNAL
    return ExitCode.OK
