"""
What fails beside the failure that a stage with jobs is known for, while the jobs are being stopped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamkit._core.log import error_fields, log_warning
from streamkit._core.runtime.failures import ends_program, is_interruption, primary_failure

if TYPE_CHECKING:
    from streamkit._core.runtime.chain_reader import ChainReader
    from streamkit._core.runtime.context import Context

__all__ = ["FailuresBeside"]


class FailuresBeside:
    """
    The other failures of one stage in one run: they are collected while it stops, and told when it has.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._others: list[BaseException] = []

    def add(self, error: BaseException) -> None:
        """
        Something has failed, and is not the reason why the stage ends.
        """
        self._others.append(error)

    async def stop(self, reader: ChainReader) -> None:
        """
        Stop `reader`. What closing its chain raises is one of the failures; a cancellation goes on.
        """
        try:
            await reader.stop()
        except BaseException as error:
            if is_interruption(error):
                raise
            self._others.append(error)

    def log(self) -> None:
        """
        Those so far are of the cleanup of what does not count any more, such as the losers of a race: they are logged, and are no
        failures of the stage.

        Raises:
            BaseException: One of them ends the program.
        """
        others = {id(error): error for error in self._others}.values()
        self._others = [error for error in others if ends_program(error)]
        for error in others:
            if not ends_program(error):
                log_warning("close_failed", self._context.run_id, **error_fields(error))
        self.tell(None)

    def tell(self, known: BaseException | None) -> None:
        """
        Note them on `known`, the failure that the stage raises by itself.

        Raises:
            BaseException: The first of them, where nothing is known or one of them ends the program; as
                `Context.cleanup_failed`, so that it never takes the place of a cancellation.
        """
        failure = primary_failure(known, self._others, self._context.run_id)
        if failure is not known and failure is not None:
            self._context.cleanup_failed(failure)
