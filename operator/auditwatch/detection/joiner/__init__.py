"""What sources told, made into settled rows: who did it, what changed, how it went, each activity once.

A request and the change it made come by different ways and at different times. So both wait for each other, for a
bounded time; what comes later than that corrects what was told and is never counted again. Everything here is a state
machine without a clock: times come with the records and with :meth:`~.joiner.Joiner.settle`, and whatever is held can
be made again from the inbox rows that are not settled.
"""
