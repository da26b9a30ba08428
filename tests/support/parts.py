"""Parts of the options that laws are tested on: the default suite has some of them, the slow one the rest."""

import pytest


def thinned(options, stride, first=0, slow=()):
    """Return options as parameters, of which the default suite has every ``stride``-th, from ``first`` on.

    Those in ``slow`` it never has.
    """
    return [
        pytest.param(option, marks=[pytest.mark.slow] if (number - first) % stride or option in slow else [])
        for number, option in enumerate(options)
    ]


def in_default_suite(parameters):
    """Return the options among the parameters that the default suite has."""
    return {parameter.values[0] for parameter in parameters if not parameter.marks}
