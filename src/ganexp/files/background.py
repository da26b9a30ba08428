"""Background tasks, such as writing a file: one at a time, in order, and none after one that failed."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import Protocol

Task = Callable[[], None]


class Tasks(Protocol):
    """Tasks that run one after the other, in the order in which they are started."""

    def start(self, task: Task) -> Future[None]:
        """Run the task, now or after the earlier ones, and return its outcome."""

    def check(self) -> None:
        """Raise the error of a task that has failed, without waiting."""

    def wait(self) -> None:
        """Wait for all tasks, and raise the error of one that has failed."""

    def wait_for(self, outcome: Future[None]) -> None:
        """Wait for a task and those before it, and raise the error of one that has failed."""


class ImmediateTasks:
    """Tasks that run at once in the calling thread, where they also raise their errors."""

    def start(self, task: Task) -> Future[None]:
        """Run the task."""
        task()
        return completed()

    def check(self) -> None:
        """Return, as nothing is pending."""

    def wait(self) -> None:
        """Return, as nothing is pending."""

    def wait_for(self, outcome: Future[None]) -> None:
        """Return, as nothing is pending."""


class BackgroundTasks:
    """Tasks that run in another thread.

    After one that fails, those that are started before its error is raised are dropped. The threads are not daemons, so
    a process that ends waits for its tasks.
    """

    def __init__(self) -> None:
        self._last: Future[None] | None = None

    def start(self, task: Task) -> Future[None]:
        """Run the task after the earlier ones, and return its outcome."""
        future: Future[None] = Future()
        Thread(target=run_after, args=(self._last, task, future), name="ganexp-background").start()
        self._last = future
        return future

    def check(self) -> None:
        """Raise the error of a task that has failed, without waiting."""
        if self._last is not None and self._last.done():
            self.wait()

    def wait(self) -> None:
        """Wait for all tasks, and raise the error of one that has failed, once."""
        if self._last is not None:
            # A signal may interrupt the wait, after which the task is still pending.
            self._last.exception()
            last, self._last = self._last, None
            last.result()

    def wait_for(self, outcome: Future[None]) -> None:
        """Wait for a task and those before it, and raise the error of one that has failed, once."""
        if outcome.exception() is not None:
            self.wait()


def completed() -> Future[None]:
    """Return the outcome of a task that is over."""
    future: Future[None] = Future()
    future.set_result(None)
    return future


def run_after(previous: Future[None] | None, task: Task, future: Future[None]) -> None:
    """Run a task unless the previous one fails, and set its outcome."""
    try:
        if previous is not None:
            previous.result()
        task()
    except BaseException as error:
        future.set_exception(error)
    else:
        future.set_result(None)
