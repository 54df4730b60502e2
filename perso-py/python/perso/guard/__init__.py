"""What all guards share: who calls, what a call is about, what is told of a decision, and how a call is denied.

- ``settings``: how a guard is set up, the same for all.
- ``ask``: functions of the host, sync or async.
- ``judge``: judges a call, and tells what came of it.
- ``event``: what the host learns of each decision.
- ``denied``: what is raised.
- ``arguments``: a call's arguments by name.
- ``function``: the decorator.
- ``mark``: which functions are guarded.
"""
