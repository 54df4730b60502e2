"""What all guards share: who calls, what a call is about, what is recorded of a decision, and how a call is denied.

- ``settings``: how a guard is set up, the same for all.
- ``ask``: functions of the host, sync or async.
- ``own``: the guard's own copy of a call's arguments.
- ``judge``: judges a call.
- ``verdict``: what comes of that, and what the tool must run with.
- ``event``: what the host learns of each decision.
- ``denied``: what is raised.
- ``function``: the decorator.
- ``around``: the wrapper that it makes, with a call's arguments by name.
- ``mark``: which functions are guarded.
"""
