"""Tasks beside training: in order, one at a time; errors are raised once, and nothing is carried out after them."""

import threading

import pytest

from ganexp.files.background import BackgroundTasks, ImmediateTasks


def test_tasks_are_carried_out_in_order_and_do_not_hold_up_their_caller():
    tasks, may_begin, done = BackgroundTasks(), threading.Event(), []
    tasks.start(may_begin.wait)
    for number in range(20):
        tasks.start(lambda number=number: done.append(number))
    tasks.check()
    assert done == []
    may_begin.set()
    tasks.wait()
    assert done == list(range(20))


def test_an_error_is_raised_once_and_drops_the_tasks_after_it():
    tasks, may_fail, done = BackgroundTasks(), threading.Event(), []

    def fail():
        may_fail.wait()
        raise OSError(28, "No space left on device")

    tasks.start(fail)
    tasks.start(lambda: done.append(1))
    tasks.check()
    may_fail.set()
    with pytest.raises(OSError, match="No space left"):
        tasks.wait()
    tasks.check()
    tasks.start(lambda: done.append(2))
    tasks.wait()
    assert done == [2]


def test_one_may_wait_for_a_task_and_not_for_those_after_it():
    tasks, may_end, done = BackgroundTasks(), threading.Event(), []
    first = tasks.start(lambda: done.append(1))
    tasks.start(may_end.wait)
    tasks.wait_for(first)
    assert done == [1]
    may_end.set()
    tasks.wait()
    tasks.wait_for(first)


def test_the_error_of_a_task_that_is_waited_for_is_raised_once():
    tasks = BackgroundTasks()
    failed = tasks.start(lambda: 1 // 0)
    last = tasks.start(lambda: None)
    with pytest.raises(ZeroDivisionError):
        tasks.wait_for(failed)
    tasks.wait_for(last)
    tasks.wait()


def test_immediate_tasks_are_carried_out_by_their_caller():
    threads = []
    ImmediateTasks().start(lambda: threads.append(threading.current_thread()))
    assert threads == [threading.current_thread()]
