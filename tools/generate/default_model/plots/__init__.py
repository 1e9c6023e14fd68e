"""The plots: functions that tell one story each. A module's plots register themselves with @plot."""

PLOTS = []


def plot(function):
    PLOTS.append(function)
    return function
