"""Errors of users' mistakes, shared by tests."""

import pytest

from ganexp.errors import UserError


def complaint(function, *arguments, **options):
    """Return the one line of the UserError that a call raises."""
    with pytest.raises(UserError) as raised:
        function(*arguments, **options)
    assert "\n" not in str(raised.value)
    return str(raised.value)
