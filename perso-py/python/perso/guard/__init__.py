"""What all guards share: options, judging a call, recording the decision, and denying the call.

- ``settings``: the options of a guard.
- ``ask``: calls the host's functions in the settings, sync or async.
- ``threads``: the threads for those functions that are not async.
- ``waits``: how sync and async code wait, so that what a guard does is written once.
- ``own``: the guard's own copy of a call's arguments.
- ``judge``: judges a call.
- ``caller``: who makes the current request.
- ``memory``: the ledger, and whom to ask.
- ``shown``: what a person is shown of a call.
- ``rounds``: calls that are made again with a person's answer.
- ``verdict``: the result, with the arguments that the tool must run with.
- ``event``: the record of each decision.
- ``denied``: the exception for a denied call.
- ``function``: the decorator.
- ``around``: the wrapper that the decorator makes.
- ``mark``: remembers which functions are guarded.
"""
