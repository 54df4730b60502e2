"""Servers of fastmcp 4.

- ``calls``: what is known of a call while it is served.
- ``guard``: the middleware, which judges a call when it comes in.
- ``names``: what a server calls the tools of the servers that are mounted on it.
- ``outside``: the guards of those servers around it.
- ``tools``: the tools that a server hands out, which judge a call once more, right where it runs.
- ``function``: judges what a tool's function really gets.
- ``headers``: what a hidden tool's headers would tell.
- ``hooks``: where a server asks for all this.
"""

from perso.adapters.fastmcp.guard import Guard
from perso.adapters.fastmcp.hooks import install

__all__ = ["Guard"]

install()
